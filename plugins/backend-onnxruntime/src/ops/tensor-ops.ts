import type { CrossEntropyNormaliser } from '@dinomix/core';
import {
  add,
  cast,
  customGrad,
  div,
  engine,
  equal,
  exp,
  expandDims,
  type GradSaveFunc,
  logSoftmax,
  mean,
  mul,
  neg,
  scalar,
  slice,
  squeeze,
  sub,
  sum,
  type Tensor,
  tensor1d,
  util,
} from '@tensorflow/tfjs-core';
import type { LossAttributes, NormAttributes, NormKind } from '../kernels/fused.js';

function run(kernelName: string, inputs: Record<string, Tensor>, attributes: object): Tensor | Tensor[] {
  return engine().runKernel(kernelName, inputs as never, attributes as never) as unknown as Tensor | Tensor[];
}

type Sides3 = readonly [number, number, number];

export interface ConvOptions {
  /** [out] */
  readonly bias?: Tensor;
  readonly strides?: Sides3;
  readonly padding: 'same' | 'valid';
  readonly dilations?: Sides3;
}

/** `x` [b, d, h, w, in], `filter` [kd, kh, kw, in, out] -> [b, d', h', w', out], the bias added in the same pass. */
export function conv3d(x: Tensor, filter: Tensor, options: ConvOptions): Tensor {
  const attributes = {
    strides: options.strides ?? [1, 1, 1],
    pad: options.padding,
    dataFormat: 'NDHWC',
    dilations: options.dilations ?? [1, 1, 1],
  };
  if (!options.bias) return run('Conv3D', { x, filter }, attributes) as Tensor;
  return run('BiasedConv3D', { x, filter, bias: options.bias }, attributes) as Tensor;
}

/** `x` [b, h, w, in], `filter` [kh, kw, in, out] -> [b, h', w', out], the bias added in the same pass. */
export function conv2d(
  x: Tensor,
  filter: Tensor,
  options: { bias?: Tensor; strides?: readonly [number, number]; padding: 'same' | 'valid' },
): Tensor {
  const attributes = {
    strides: options.strides ?? [1, 1],
    pad: options.padding,
    dataFormat: 'NHWC',
    dilations: [1, 1],
  };
  if (!options.bias) return run('Conv2D', { x, filter }, attributes) as Tensor;
  return run('BiasedConv2D', { x, filter, bias: options.bias }, attributes) as Tensor;
}

/** `x` [b, d, h, w, in], `filter` [kd, kh, kw, out, in] -> [b, d s0, h s1, w s2, out]. */
export function conv3dTranspose(x: Tensor, filter: Tensor, options: { bias?: Tensor; strides: Sides3 }): Tensor {
  const outputShape = [
    x.shape[0]!,
    ...options.strides.map((stride, axis) => stride * x.shape[axis + 1]!),
    filter.shape[3]!,
  ];
  const common = { strides: options.strides, pad: 'same' };
  if (!options.bias)
    return run('Conv3DBackpropInputV2', { dy: x, filter }, { ...common, inputShape: outputShape }) as Tensor;
  return run('BiasedConvTranspose3D', { x, filter, bias: options.bias }, { ...common, outputShape }) as Tensor;
}

export interface NormActivationOptions {
  readonly norm: NormKind | 'none';
  readonly groups?: number;
  readonly scale?: Tensor;
  readonly offset?: Tensor;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Slope of leaky ReLU below zero: 0 is ReLU, 1 is no activation. */
  readonly slope: number;
  readonly running?: {
    readonly mean: Tensor;
    readonly variance: Tensor;
    readonly momentum?: number;
    readonly update: (mean: Tensor, variance: Tensor) => void;
  };
  readonly training: boolean;
}

/** Normalisation of [b, ...spatial, c] followed by leaky ReLU, fused, with its own gradient. */
export function normActivation(x: Tensor, options: NormActivationOptions): Tensor {
  const channels = x.shape[x.rank - 1]!;
  const { norm, slope, epsilon = 1e-5 } = options;
  if (norm === 'none') return slope === 1 ? x : (run('LeakyRelu', { x }, { alpha: slope }) as Tensor);
  const scale = options.scale ?? tensor1d(new Float32Array(channels).fill(1));
  const offset = options.offset ?? tensor1d(new Float32Array(channels));
  if (norm === 'batch' && !options.training) return withRunningStatistics(x, scale, offset, epsilon, slope, options);
  const groups = norm === 'group' ? (options.groups ?? channels) : 1;
  util.assert(
    channels % groups === 0,
    () => `normActivation: ${channels} channels do not divide into ${groups} groups`,
  );
  const attributes: NormAttributes = { norm, groups, epsilon, slope };
  if (norm === 'batch') updateRunning(x, options, attributes);
  return differentiable(attributes)(x, scale, offset);
}

const differentiable = (attributes: NormAttributes) =>
  customGrad((...args: unknown[]) => {
    const [x, scale, offset, save] = args as [Tensor, Tensor, Tensor, GradSaveFunc];
    const [y, centred, inverse] = run('NormActivation', { x, scale, offset }, attributes) as Tensor[];
    save([scale, offset, centred!, inverse!]);
    return {
      value: y!,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedScale, savedOffset, savedCentred, savedInverse] = saved as [Tensor, Tensor, Tensor, Tensor];
        const inputs = { dy, centred: savedCentred, inverse: savedInverse, scale: savedScale, offset: savedOffset };
        return run('NormActivationGrad', inputs, attributes) as Tensor[];
      },
    };
  });

/** PyTorch keeps the unbiased variance; the same operation on the same input costs nothing twice. */
function updateRunning(x: Tensor, { running }: NormActivationOptions, attributes: NormAttributes): void {
  if (!running) return;
  const channels = x.shape[x.rank - 1]!;
  const count = x.size / channels;
  const momentum = running.momentum ?? 0.1;
  const moments = run('ChannelMoments', { x }, attributes) as Tensor[];
  const [mean, variance] = moments.map((value) => squeeze(slice(value, [0, 0], [1, channels]), [0])) as [
    Tensor,
    Tensor,
  ];
  const unbiased = mul(variance, scalar(count / Math.max(1, count - 1)));
  const blend = (old: Tensor, fresh: Tensor) => add(mul(old, scalar(1 - momentum)), mul(fresh, scalar(momentum)));
  running.update(blend(running.mean, mean), blend(running.variance, unbiased));
}

function withRunningStatistics(
  x: Tensor,
  scale: Tensor,
  offset: Tensor,
  epsilon: number,
  slope: number,
  options: NormActivationOptions,
): Tensor {
  if (!options.running)
    throw new Error('normActivation: batch normalisation outside training needs running statistics');
  const { mean, variance } = options.running;
  const factor = div(
    scale,
    run('Sqrt', { x: run('Add', { a: variance, b: scalar(epsilon) }, {}) as Tensor }, {}) as Tensor,
  );
  const shift = run('Sub', { a: offset, b: mul(mean, factor) }, {}) as Tensor;
  return run('ChannelAffine', { x, factor, shift }, { slope }) as Tensor;
}

export interface SegmentationLossOptions {
  /** [b, ...spatial] */
  readonly voxelWeight?: Tensor;
  /** [k] */
  readonly classWeights?: Tensor;
  readonly crossEntropy: number;
  /** Divisor of the cross-entropy: Σ w_y, the number of voxels, or Σ m w_y. Default `weights`. */
  readonly normalise?: CrossEntropyNormaliser;
  readonly dice: number;
  readonly smooth?: number;
  readonly background?: boolean;
}

/**
 * `logits` [b, ...spatial, k], `target` int32 [b, ...spatial] or float32 [b, ...spatial, k] (soft) -> scalar.
 * Cross-entropy and soft Dice: one fused operation for class indices, TensorFlow.js operations for soft targets.
 */
export function softmaxCrossEntropyDice(logits: Tensor, target: Tensor, options: SegmentationLossOptions): Tensor {
  const { crossEntropy, normalise = 'weights', dice, smooth = 1, background = false } = options;
  const attributes: LossAttributes = { crossEntropy, normalise, dice, smooth, background };
  const voxelWeight = options.voxelWeight ?? scalar(1);
  const classWeights = options.classWeights ?? scalar(1);
  if (target.dtype === 'float32') return softTargetLoss(logits, target, voxelWeight, classWeights, attributes);
  const labels = target;
  const loss = customGrad((...args: unknown[]) => {
    const [z, save] = args as [Tensor, GradSaveFunc];
    const outputs = run('SegmentationLoss', { logits: z, labels, voxelWeight, classWeights }, attributes) as Tensor[];
    const [value, probabilities, pLabel, statistics, divisor] = outputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    save([probabilities, pLabel, statistics, divisor, labels, voxelWeight, classWeights]);
    return {
      value,
      gradFunc: (dLoss: Tensor, saved: Tensor[]) => {
        const [p, py, table, total, ids, m, w] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
        const inputs = {
          dLoss,
          probabilities: p,
          pLabel: py,
          labels: ids,
          voxelWeight: m,
          classWeights: w,
          statistics: table,
          divisor: total,
        };
        return run('SegmentationLossGrad', inputs, attributes) as Tensor;
      },
    };
  });
  return loss(logits) as Tensor;
}

function softTargetLoss(
  logits: Tensor,
  target: Tensor,
  voxelWeight: Tensor,
  classWeights: Tensor,
  attributes: LossAttributes,
): Tensor {
  const axes = logits.shape.map((_, axis) => axis).slice(0, -1);
  const classes = logits.shape[logits.rank - 1]!;
  const m = voxelWeight.rank > 0 ? expandDims(voxelWeight, -1) : voxelWeight;
  const logP = logSoftmax(logits);
  const weighted = mul(target, classWeights);
  const total = {
    weights: () => sum(weighted),
    voxels: () => scalar(logits.size / classes),
    kept: () => sum(mul(weighted, m)),
  }[attributes.normalise]();
  const divisor = add(total, cast(equal(total, 0), 'float32'));
  const crossEntropy = div(neg(sum(mul(mul(weighted, m), logP))), divisor);
  const p = mul(exp(logP), m);
  const overlap = sum(mul(p, target), axes);
  const smooth = scalar(attributes.smooth);
  const denominator = add(add(sum(p, axes), sum(mul(target, m), axes)), smooth);
  const scores = mul(div(add(mul(overlap, scalar(2)), smooth), denominator), classWeights);
  const first = attributes.background ? 0 : 1;
  const dice = sub(scalar(1), mean(slice(scores, [first], [classes - first])));
  return add(mul(crossEntropy, scalar(attributes.crossEntropy)), mul(dice, scalar(attributes.dice)));
}
