import type { Index3, JsonObject, NamedTensors } from './common.js';
import type { StudentModel } from './student.js';
import type { TensorOps } from './tensor-ops.js';

/** Where tensors are computed. `auto` takes the fastest that works here. */
export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | 'auto';

/** What a backend is asked for. */
export interface BackendSetup {
  readonly device: DeviceName;
  /** Threads for one operation; null leaves the choice to the backend. */
  readonly threads: number | null;
}

/** What {@link BackendSession.exportStudent} writes. */
export interface ExportRequest<T> {
  readonly model: StudentModel<T>;
  readonly weights: NamedTensors<T>;
  readonly inputChannels: number;
  readonly classCount: number;
  /** Crop for which the network was trained, `[d, h, w]`; batch and size stay free where the graph allows. */
  readonly patch: Index3;
  /** Strings stored in the file (class names, normalisation, run id). */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A loaded inference network. */
export interface Network {
  /** Strings stored in the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Output shape and whether input sizes are free. */
  readonly dynamic: boolean;
  /** `x` is `[b, d, h, w, c]`; returns logits `[b, d, h, w, k]`. */
  run(
    x: Float32Array,
    shape: readonly [number, number, number, number, number],
  ): Promise<{ readonly data: Float32Array; readonly shape: readonly number[] }>;
  dispose(): Promise<void>;
}

/** Memory and work of a backend. */
export interface BackendUsage {
  readonly tensors: number;
  readonly bytes: number;
  /** Calls by kernel name that went to the fallback backend. */
  readonly fallbackKernels: Readonly<Record<string, number>>;
}

/** A pure function of named tensors. A method type, so that backends of any tensor type fit the slot. */
interface TensorFunctionMethod<T> {
  call(inputs: NamedTensors<T>): NamedTensors<T>;
}

/** A pure function of named tensors. */
export type TensorFunction<T> = TensorFunctionMethod<T>['call'];

/** A backend that is ready. */
export interface BackendSession<T> {
  /** Name under which it is registered with the tensor library. */
  readonly name: string;
  /** The device in use, never `auto`. */
  readonly device: Exclude<DeviceName, 'auto'>;
  /** Versions, threads, provider options: everything the run record should keep. */
  readonly facts: JsonObject;
  /** Operations with fused kernels; the trainer composes the rest. */
  readonly ops: Partial<TensorOps<T>>;
  usage(): BackendUsage;
  /**
   * Makes a function that records `fn` at the first call with given names, shapes and types of inputs, and replays the
   * recorded graph at every further call without running `fn`. Constants that `fn` makes stay as they were recorded. The
   * outputs belong to the caller; the inputs stay alive. Absent where nothing is gained by it.
   */
  compileStep?(fn: TensorFunction<T>): TensorFunction<T>;
  /** Bytes of an ONNX file; absent where the backend cannot write one. */
  exportStudent?(request: ExportRequest<T>): Promise<Uint8Array>;
  /**
   * Loads an exported file; absent where the backend cannot read one.
   * @throws saying what was expected and found when the bytes are not such a network.
   */
  loadNetwork?(onnx: Uint8Array): Promise<Network>;
  dispose(): Promise<void>;
}

/** The slot `backend`: the engine under the tensor library. */
export interface Backend<T> {
  /** Registers the backend and makes it current. @throws naming what is missing when the device cannot be had. */
  setup(request: BackendSetup): Promise<BackendSession<T>>;
  /** What each device would do here, without starting it; for `dinomix doctor`. */
  probe(): Promise<readonly { readonly device: DeviceName; readonly works: boolean; readonly note: string }[]>;
}
