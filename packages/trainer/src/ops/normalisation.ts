import type { NormActivationOptions } from '@dinomix/core';
import { add, leakyRelu, mean, mul, relu, reshape, rsqrt, square, sub, type Tensor } from '@tensorflow/tfjs-core';

type Options = NormActivationOptions<Tensor>;

/** Mean and biased variance over `axes`, which are kept with size 1. Two passes: E[x²] - E[x]² cancels. */
function momentsOver(x: Tensor, axes: number[]): { readonly mean: Tensor; readonly variance: Tensor } {
  const centre = mean(x, axes, true);
  return { mean: centre, variance: mean(square(sub(x, centre)), axes, true) };
}

/** (x - mean) / sqrt(variance + epsilon), then the affine map per channel. */
function standardise(x: Tensor, centre: Tensor, variance: Tensor, options: Options): Tensor {
  const inverse = rsqrt(add(variance, options.epsilon ?? 1e-5));
  const scaled = mul(sub(x, centre), options.scale === undefined ? inverse : mul(inverse, options.scale));
  return options.offset === undefined ? scaled : add(scaled, options.offset);
}

function instanceNorm(x: Tensor, options: Options): Tensor {
  const [batch, channels] = [x.shape[0]!, x.shape[4]!];
  const rows = reshape(x, [batch, -1, channels]);
  const { mean: centre, variance } = momentsOver(rows, [1]);
  return reshape(standardise(rows, centre, variance, options), x.shape);
}

function groupNorm(x: Tensor, options: Options): Tensor {
  const [batch, channels] = [x.shape[0]!, x.shape[4]!];
  const { groups } = options;
  if (groups === undefined || channels % groups !== 0) {
    throw new Error(
      `normActivation: ${channels} channels do not divide into ${groups ?? 'an unstated number of'} groups`,
    );
  }
  const grouped = reshape(x, [batch, -1, groups, channels / groups]);
  const { mean: centre, variance } = momentsOver(grouped, [1, 3]);
  const standard = standardise(grouped, centre, variance, withoutAffine(options));
  const rows = reshape(standard, [batch, -1, channels]);
  const scaled = options.scale === undefined ? rows : mul(rows, options.scale);
  return reshape(options.offset === undefined ? scaled : add(scaled, options.offset), x.shape);
}

function withoutAffine({ scale: _scale, offset: _offset, ...rest }: Options): Options {
  return rest;
}

function batchNorm(x: Tensor, options: Options): Tensor {
  const { running, training } = options;
  if (running === undefined) throw new Error('normActivation: norm "batch" needs "running"');
  if (!training) return standardise(x, running.mean, running.variance, options);
  const rows = reshape(x, [-1, x.shape[4]!]);
  const { mean: centre, variance } = momentsOver(rows, [0]);
  const count = rows.shape[0]!;
  const momentum = running.momentum ?? 0.1;
  // PyTorch normalises by the biased variance and stores the unbiased one.
  const unbiased = mul(reshape(variance, [-1]), count / Math.max(count - 1, 1));
  running.update(
    add(mul(running.mean, 1 - momentum), mul(reshape(centre, [-1]), momentum)),
    add(mul(running.variance, 1 - momentum), mul(unbiased, momentum)),
  );
  return reshape(standardise(rows, centre, variance, options), x.shape);
}

function activate(x: Tensor, slope: number): Tensor {
  if (slope === 1) return x;
  return slope === 0 ? relu(x) : leakyRelu(x, slope);
}

/**
 * Normalisation over [b, d, h, w, c] followed by leaky ReLU; same shape. Instance: Ulyanov et al. 2016, group: Wu and He
 * 2018, batch: Ioffe and Szegedy 2015, with PyTorch's conventions for running statistics.
 */
export function normActivation(x: Tensor, options: Options): Tensor {
  switch (options.norm) {
    case 'instance':
      return activate(instanceNorm(x, options), options.slope);
    case 'group':
      return activate(groupNorm(x, options), options.slope);
    case 'batch':
      return activate(batchNorm(x, options), options.slope);
    case 'none':
      return activate(x, options.slope);
  }
}
