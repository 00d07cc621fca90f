import type { Index3 } from './common.js';

/** Options of {@link TensorOps.conv3d}. */
export interface Conv3dOptions<T> {
  /** `[out]`. */
  readonly bias?: T;
  /** Default [1, 1, 1]. */
  readonly strides?: Index3;
  /** `same` pads with zeros as TensorFlow does. */
  readonly padding: 'same' | 'valid';
  /** Default [1, 1, 1]. */
  readonly dilations?: Index3;
}

/** Options of {@link TensorOps.conv3dTranspose}. Padding is `same`: the output is the input times the strides. */
export interface Conv3dTransposeOptions<T> {
  /** `[out]`. */
  readonly bias?: T;
  readonly strides: Index3;
}

/** Running statistics of batch normalisation. */
export interface RunningStatistics<T> {
  /** `[c]`. */
  readonly mean: T;
  /** `[c]`, unbiased as PyTorch stores it. */
  readonly variance: T;
  /** Weight of the new batch (PyTorch's convention): running = (1 - momentum) running + momentum batch. Default 0.1. */
  readonly momentum?: number;
  /** Called in training with the new running values; the owner passes them on to `ForwardPass.updateBuffer`. */
  update(mean: T, variance: T): void;
}

/** Options of {@link TensorOps.normActivation}. */
export interface NormActivationOptions<T> {
  readonly norm: 'instance' | 'group' | 'batch' | 'none';
  /** Number of groups; `group` only. */
  readonly groups?: number;
  /** `[c]`. Absent with `none`. */
  readonly scale?: T;
  /** `[c]`. Absent with `none`. */
  readonly offset?: T;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Slope of leaky ReLU below zero: 0 is ReLU, 1 is no activation. */
  readonly slope: number;
  /** Required with `batch`. */
  readonly running?: RunningStatistics<T>;
  /** With `batch`: true normalises by the batch and updates the running statistics, false uses the running ones. */
  readonly training: boolean;
}

/** Options of {@link TensorOps.random}. */
export interface RandomOptions<T> {
  /** `uniform` on [0, 1) in steps of 2^-24; `normal` with mean 0 and deviation 1. */
  readonly distribution: 'uniform' | 'normal';
  /** Key of the generator, from `GraphContext.key` or `ForwardPass.dropoutKey`: float32 `[4]`, whole numbers in [0, 4096). */
  readonly key: T;
}

/** Options of {@link TensorOps.dropout}. */
export interface DropoutOptions<T> {
  /** Share of values set to zero, in [0, 1). The rest is divided by (1 - rate). */
  readonly rate: number;
  /** `channel` drops whole channels of an item (PyTorch's Dropout3d); `element` single values. */
  readonly granularity: 'channel' | 'element';
  /** Key of the generator, from `ForwardPass.dropoutKey`: float32 `[4]`, whole numbers in [0, 4096). */
  readonly key: T;
}

/** What the sum of a cross-entropy is divided by: see {@link CrossEntropyDiceOptions.normalise}. */
export type CrossEntropyNormaliser = 'weights' | 'voxels' | 'kept';

/**
 * Options of {@link TensorOps.softmaxCrossEntropyDice}. With voxel weights m (`voxelWeight`), class weights w and
 * softmax probabilities p of target class y (method.md §4.0):
 *
 * CE = Σ_v m_v w_{y_v} (-log p_{v, y_v}) / N, N as {@link CrossEntropyDiceOptions.normalise} says and CE = 0 where N is 0,
 *
 * D_c = (2 TP_c + s) / (2 TP_c + FP_c + FN_c + s) with TP_c = Σ_v m_v p_{v,c} [y_v = c], FP_c = Σ_v m_v p_{v,c} [y_v ≠ c],
 * FN_c = Σ_v m_v (1 - p_{v,c}) [y_v = c] over batch and space, Dice = 1 - mean_c(w_c D_c) over the foreground classes.
 *
 * The result is crossEntropy CE + dice Dice. A soft target replaces [y_v = c] by its probability. With m constant 1 and
 * no class weights, CE is the plain mean. Class weights of 0 for every class that is there give 0, not 0 / 0.
 */
export interface CrossEntropyDiceOptions<T> {
  /** `[b, d, h, w]`; a constant of the tape. Default 1. */
  readonly voxelWeight?: T;
  /** `[k]`; a constant of the tape. Default 1. */
  readonly classWeights?: T;
  /** Factor of CE; 0 leaves it out. */
  readonly crossEntropy: number;
  /**
   * N above. `weights`: Σ_v w_{y_v}, as PyTorch's mean with class weights; `voxels`: their number, so that voxels and classes of
   * weight 0 stay in the mean; `kept`: Σ_v m_v w_{y_v}, so that the mean is over the voxels that count. Default `weights`.
   */
  readonly normalise?: CrossEntropyNormaliser;
  /** Factor of Dice; 0 leaves it out. */
  readonly dice: number;
  /** s above. Default 1. */
  readonly smooth?: number;
  /** Whether class 0 counts in Dice. Default false. */
  readonly background?: boolean;
}

/**
 * The operations that networks and losses spend their time in. The trainer composes them from TensorFlow.js; a backend
 * replaces those that it has fused kernels for. All are differentiable, synchronous and safe inside the tape. Tensors
 * are float32 and channel-last unless stated.
 */
export interface TensorOps<T> {
  /** `x` [b, d, h, w, in], `filter` [kd, kh, kw, in, out] → [b, d', h', w', out]. */
  conv3d(x: T, filter: T, options: Conv3dOptions<T>): T;
  /** `x` [b, d, h, w, in], `filter` [kd, kh, kw, out, in] → [b, d s0, h s1, w s2, out]. */
  conv3dTranspose(x: T, filter: T, options: Conv3dTransposeOptions<T>): T;
  /** Normalisation over [b, d, h, w, c] followed by leaky ReLU; same shape. */
  normActivation(x: T, options: NormActivationOptions<T>): T;
  /** Float32 of this shape. The numbers depend on the key and the shape alone, not on the engine's state. */
  random(shape: readonly number[], options: RandomOptions<T>): T;
  /** The same values as a constant of the tape: no gradient passes. */
  detach(x: T): T;
  /** The same values; the gradient that passes is multiplied by `factor`, a number or a scalar (below 0: gradient reversal). */
  scaleGradient(x: T, factor: number | T): T;
  /** Same shape. The mask depends on the key and the shape alone, not on the engine's state. */
  dropout(x: T, options: DropoutOptions<T>): T;
  /** Trilinear resize of [b, d, h, w, c] to `shape`, voxel centres aligned as with `align_corners=False`. */
  resizeTrilinear(x: T, shape: Index3): T;
  /** `logits` [b, d, h, w, k]; `target` int32 [b, d, h, w] or float32 [b, d, h, w, k] (constant) → scalar. */
  softmaxCrossEntropyDice(logits: T, target: T, options: CrossEntropyDiceOptions<T>): T;
}
