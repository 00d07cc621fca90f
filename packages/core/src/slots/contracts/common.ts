import type { Rng, Triple } from '@dinomix/volume';

/** A value that survives `JSON.parse(JSON.stringify(value))` unchanged. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** A plain object of JSON values. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Three numbers in memory order: depth (z), height (y), width (x). Voxels unless a unit is named. */
export type Index3 = Triple;

/** Axis of a volume in memory order: 0 = z, 1 = y, 2 = x. */
export type Axis = 0 | 1 | 2;

/** Shape of a batch of single-channel crops: `[b, d, h, w]`. */
export type BatchShape = readonly [batch: number, depth: number, height: number, width: number];

/** Tensors by stable name. */
export type NamedTensors<T> = Readonly<Record<string, T>>;

/**
 * The counter-based random streams of one plugin at one place of the run: (seed, plugin id, epoch, step) are in the key.
 * Draws depend on the key alone, so exchanging one plugin does not move the draws of another.
 */
export interface RandomStreams {
  /** Stream for one purpose and item, counting from its first draw. The same arguments give the same draws. */
  stream(purpose: string, item?: number): Rng;
}

/** Where a run stands. All counts start at 0. */
export interface StepPosition {
  readonly epoch: number;
  /** Step within the whole run. */
  readonly step: number;
  readonly stepInEpoch: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** What identifies a run. */
export interface RunInfo {
  readonly id: string;
  readonly seed: number;
  /** Absolute path of the run folder. */
  readonly directory: string;
  /** sha256 (hexadecimal) of the resolved config. */
  readonly configHash: string;
}

/** Handed to everything that works in a step. */
export interface StepContext {
  readonly run: RunInfo;
  readonly position: StepPosition;
  /** Streams keyed by the receiving plugin's slot and id, the seed, the epoch and the step. */
  readonly rng: RandomStreams;
  /** Aborted when the run stops early. */
  readonly signal: AbortSignal;
}

/** One array of a plugin's saved state. */
export interface StateArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;
}

/** Everything a plugin needs to go on after a restart, bit for bit. */
export interface SlotState {
  readonly json: JsonObject;
  readonly arrays: Readonly<Record<string, StateArray>>;
}

/**
 * A part that carries state from step to step. The trainer stores the state in the checkpoint under `<slot>:<id>` and
 * restores it before the first step. Tensors that the trainer created from a {@link ParameterSpec} are saved by the
 * trainer and do not belong here.
 */
export interface Stateful {
  getState(): Promise<SlotState>;
  /** @throws when the state does not fit (the trainer adds file, slot and id). */
  setState(state: SlotState): Promise<void>;
}

/** How the trainer fills a new parameter. Fans are those of the parameter's own shape, read as `[..., in, out]`. */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  /** One number for each element, in C order. */
  | { readonly kind: 'values'; readonly values: readonly number[] }
  /** N(0, 2 / ((1 + slope²) fanIn)): He et al. 2015, `torch.nn.init.kaiming_normal_`. */
  | { readonly kind: 'kaiming-normal'; readonly fanIn: number; readonly slope: number }
  /** N(0, 2 / (fanIn + fanOut)): Glorot and Bengio 2010, `torch.nn.init.xavier_normal_`. */
  | { readonly kind: 'xavier-normal'; readonly fanIn: number; readonly fanOut: number }
  /** U(-bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number };

/**
 * A named float32 variable that a part asks the trainer to create, initialise, save and restore. Plain data: names,
 * shapes and counts are known before any tensor exists, and the initial values do not depend on the backend.
 */
export interface ParameterSpec {
  /** Stable, unique within its owner, dotted: `encoder.1.conv.0.filter`. It is the name in the checkpoint. */
  readonly name: string;
  /** Filters are `[kd, kh, kw, in, out]`; those of a transposed convolution `[kd, kh, kw, out, in]`. */
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** False for buffers such as the running statistics of batch normalisation. */
  readonly trainable: boolean;
  /** False where weight decay must not act (biases, normalisation). Ignored where not trainable. */
  readonly decay: boolean;
}
