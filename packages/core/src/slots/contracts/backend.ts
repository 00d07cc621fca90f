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

/** A network with its weights. */
export interface StudentRequest<T> {
  readonly model: StudentModel<T>;
  readonly weights: NamedTensors<T>;
  readonly inputChannels: number;
  readonly classCount: number;
}

/** What {@link BackendSession.exportStudent} writes. */
export interface ExportRequest<T> extends StudentRequest<T> {
  /** Crop for which the network was trained, `[d, h, w]`; batch and size stay free where the graph allows. */
  readonly patch: Index3;
  /** Strings stored in the file (class names, normalisation, run id). */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What windows of one shape are summed over. */
export interface WindowRequest {
  /** `[D, H, W]` of the part of a volume that is summed at a time, voxels. */
  readonly slab: Index3;
  /** `[d, h, w]` of every window, voxels. */
  readonly window: Index3;
  /** Weight of each voxel of a window, `[d, h, w]`; absent weighs all alike. */
  readonly importance?: Float32Array;
}

/** One look at a volume. */
export interface WindowLook {
  /** First voxel of the window in the slab; negative where it begins before it. What falls outside is left out. */
  readonly origin: Index3;
  /** Axes along which the network is shown the window backwards; what it says is turned back. */
  readonly mirrored: readonly [depth: boolean, height: boolean, width: boolean];
}

/**
 * Sums of class probabilities over overlapping windows of one shape, for a slab that moves through a volume along its depth.
 * Its memory grows neither with their number nor with the depth of the volume.
 */
export interface WindowSum {
  /**
   * Sum of importance times softmax(logits), `[D, H, W, lanes]`; class c is lane c, lanes beyond the classes are zero. The
   * caller may overwrite planes that {@link advance} drops next.
   */
  readonly sums: Float32Array;
  readonly lanes: number;
  /**
   * Adds windows.
   * @param windows - `[n, d, h, w, c]`, as they lie in the slab.
   * @param looks - `[n]`, where each of them lies.
   * @throws Error when the array has another length.
   */
  add(windows: Float32Array, looks: readonly WindowLook[]): Promise<void>;
  /** The class with the largest sum at each voxel of the first planes, `[planes, H, W]`; of equal sums the first. */
  labels(planes: number): Uint8Array;
  /** Drops the first planes: those behind them come to the front, and as many planes of zeros follow. */
  advance(planes: number): void;
  /** Gives the memory of the sums to the next ones of the network; they may not be used afterwards. */
  dispose(): void;
}

/** An inference network: out of a file, or of a student in training. */
export interface Network {
  /** Strings stored in the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Sides of the input `[b, d, h, w, c]`; null where the file leaves them free. */
  readonly inputSides: readonly (number | null)[];
  /** Classes k of the logits; null where the file leaves them free. */
  readonly classCount: number | null;
  /** `x` is `[b, d, h, w, c]`; returns logits `[b, d, h, w, k]`. */
  run(
    x: Float32Array,
    shape: readonly [number, number, number, number, number],
  ): Promise<{ readonly data: Float32Array; readonly shape: readonly number[] }>;
  /**
   * Begins a sliding window over one slab without logits on the host. Absent where `run` on batches of windows is as
   * fast, or where a backend cannot.
   * @throws Error when the window does not fit the network.
   */
  openWindows?(request: WindowRequest): Promise<WindowSum>;
  dispose(): Promise<void>;
}

/** Memory and work of a backend. */
export interface BackendUsage {
  readonly tensors: number;
  readonly bytes: number;
  /** Calls by kernel name that went to the fallback backend. */
  readonly fallbackKernels: Readonly<Record<string, number>>;
}

/** What one run of a recorded function takes, bytes. */
export interface FunctionMemory {
  /** Most bytes in use at once while it runs, its inputs and outputs included. */
  readonly peak: number;
  /**
   * The peak by what it holds; sums to `peak`. `inputs` and `results` are those of the function, everything else is working
   * memory, which a recorded function keeps for its next call.
   */
  readonly parts: Readonly<Record<string, number>>;
}

/** A pure function of named tensors. A method type, so that backends of any tensor type fit the slot. */
interface TensorFunctionMethod<T> {
  call(inputs: NamedTensors<T>): NamedTensors<T>;
}

/** A pure function of named tensors. */
export type TensorFunction<T> = TensorFunctionMethod<T>['call'];

/** A function that a backend has recorded. */
export type RecordedFunction<T> = TensorFunction<T> & {
  /** Gives back what the recording holds; a later call records again. Absent where there is nothing to give back. */
  readonly dispose?: () => void;
};

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
  compileStep?(fn: TensorFunction<T>): RecordedFunction<T>;
  /** Records `fn` without running it and says what memory a run takes; absent where a backend cannot tell. */
  measureMemory?(fn: TensorFunction<T>, inputs: NamedTensors<T>): FunctionMemory;
  /**
   * Gives back the working memory that recorded functions keep between their calls; the next call takes it again. For the
   * turns between training and evaluation, whose peaks would otherwise add up. Absent where nothing is kept.
   */
  freeMemory?(): void;
  /** Bytes of an ONNX file; absent where the backend cannot write one. */
  exportStudent?(request: ExportRequest<T>): Promise<Uint8Array>;
  /**
   * Loads an exported file; absent where the backend cannot read one.
   * @param again - gives the same bytes once more, so that a backend need not keep them beside what it makes of them.
   * @throws saying what was expected and found when the bytes are not such a network.
   */
  loadNetwork?(onnx: Uint8Array, again?: () => Promise<Uint8Array>): Promise<Network>;
  /**
   * The inference network of a student with the weights that it has now, for many images: what weights alone say is
   * computed once. Absent where recorded functions are as fast.
   * @returns null where the graph of this network cannot be had without an image.
   */
  openStudent?(request: StudentRequest<T>): Promise<Network | null>;
  dispose(): Promise<void>;
}

/** Kernels of the tensor library by where they run. */
export interface BackendKernels {
  /** Computed by the backend itself. */
  readonly native: readonly string[];
  /** Left to a slower backend, which reads the values first. */
  readonly fallback: readonly string[];
}

/** The slot `backend`: the engine under the tensor library. */
export interface Backend<T> {
  /** Registers the backend and makes it current. @throws naming what is missing when the device cannot be had. */
  setup(request: BackendSetup): Promise<BackendSession<T>>;
  /** What each device would do here, without starting it; for `dinomix doctor`. */
  probe(): Promise<readonly { readonly device: DeviceName; readonly works: boolean; readonly note: string }[]>;
  /** Kernels by where they run; absent where all run alike. */
  kernels?(): BackendKernels;
}
