import * as tf from '@tensorflow/tfjs-core';
import * as native from '../src/ops/tensor-ops.js';
import { labels, values } from './engine-harness.js';

type Norm = 'instance' | 'group' | 'batch';
type Weights = Readonly<Record<string, tf.Tensor>>;

export interface NetworkShape {
  readonly batch: number;
  /** Divisible by four. */
  readonly sides: readonly number[];
  readonly filters: number;
  readonly classes: number;
  readonly norm: Norm;
  /** Slope of leaky ReLU. A slope other than 1 has kinks, where rounding alone moves a gradient. */
  readonly slope: number;
}

/** The operations of the network, over two or three axes. */
interface Operations {
  conv(x: tf.Tensor, filter: tf.Tensor, stride: number, bias?: tf.Tensor): tf.Tensor;
  double(x: tf.Tensor, filter: tf.Tensor): tf.Tensor;
  norm(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, shape: NetworkShape): tf.Tensor;
  loss(logits: tf.Tensor, target: tf.Tensor): tf.Scalar;
}

const GROUPS = 2;

function double(x: tf.Tensor, filter: tf.Tensor): tf.Tensor {
  const [batch, ...rest] = x.shape;
  const shape = [batch!, ...rest.slice(0, -1).map((side) => 2 * side), filter.shape[filter.rank - 2]!];
  return x.rank === 5
    ? tf.conv3dTranspose(x as tf.Tensor5D, filter as tf.Tensor5D, shape as never, 2, 'same')
    : tf.conv2dTranspose(x as tf.Tensor4D, filter as tf.Tensor4D, shape as never, 2, 'same');
}

/** The engine's fused operations. */
export const fused: Operations = {
  conv(x, filter, stride, bias) {
    const options = { padding: 'same', ...(bias ? { bias } : {}) } as const;
    return x.rank === 5
      ? native.conv3d(x, filter, { ...options, strides: [stride, stride, stride] })
      : native.conv2d(x, filter, { ...options, strides: [stride, stride] });
  },
  double: (x, filter) => (x.rank === 5 ? native.conv3dTranspose(x, filter, { strides: [2, 2, 2] }) : double(x, filter)),
  norm: (x, scale, offset, { norm, slope }) =>
    native.normActivation(x, { norm, groups: GROUPS, scale, offset, slope, training: true }),
  loss: (logits, target) => native.softmaxCrossEntropyDice(logits, target, { crossEntropy: 1, dice: 1 }) as tf.Scalar,
};

/** The same from TensorFlow.js's own operations, for any backend. */
export const composed: Operations = {
  conv(x, filter, stride, bias) {
    const y =
      x.rank === 5
        ? tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, stride, 'same')
        : tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, 'same');
    return bias ? tf.add(y, bias) : y;
  },
  double,
  norm(x, scale, offset, { norm, slope }) {
    const channels = x.shape[x.rank - 1]!;
    const groups = norm === 'group' ? GROUPS : channels;
    const parted = tf.reshape(x, [x.shape[0]!, -1, groups, channels / groups]);
    const axes = norm === 'batch' ? [0, 1, 3] : [1, 3];
    const centred = tf.sub(parted, tf.mean(parted, axes, true));
    const variance = tf.mean(tf.square(centred), axes, true);
    const whitened = tf.reshape(tf.div(centred, tf.sqrt(tf.add(variance, 1e-5))), x.shape);
    return tf.leakyRelu(tf.add(tf.mul(whitened, scale), offset), slope);
  },
  loss(logits, target) {
    const classes = logits.shape[logits.rank - 1]!;
    const truth = tf.cast(tf.oneHot(target as tf.Tensor1D, classes), 'float32') as tf.Tensor;
    const logP = tf.logSoftmax(logits);
    const crossEntropy = tf.div(tf.neg(tf.sum(tf.mul(truth, logP))), target.size);
    const axes = logits.shape.map((_, axis) => axis).slice(0, -1);
    const p = tf.exp(logP);
    const overlap = tf.sum(tf.mul(p, truth), axes);
    const sizes = tf.add(tf.sum(p, axes), tf.sum(truth, axes));
    const scores = tf.div(tf.add(tf.mul(overlap, 2), 1), tf.add(sizes, 1));
    return tf.add(crossEntropy, tf.sub(1, tf.mean(tf.slice(scores, [1], [classes - 1])))) as tf.Scalar;
  },
};

/** Shapes of the parameters by name. Biases only where no normalisation follows, which would cancel them. */
function parameterShapes({ sides, filters, classes }: NetworkShape): Record<string, number[]> {
  const kernel = (side: number, i: number, o: number) => [...sides.map(() => side), i, o];
  const shapes: Record<string, number[]> = {
    'enter/w': kernel(3, 1, filters),
    'down/w': kernel(2, filters, 2 * filters),
    'level/w': kernel(3, 2 * filters, 2 * filters),
    'down2/w': kernel(3, 2 * filters, 4 * filters),
    'bottom/w': kernel(3, 4 * filters, 4 * filters),
    'up2/w': kernel(2, 2 * filters, 4 * filters),
    'up/w': kernel(2, filters, 2 * filters),
    'leave/w': kernel(3, 2 * filters, filters),
    'head/w': kernel(1, filters, classes),
    'head/b': [classes],
  };
  const channels = { enter: 1, down: 2, level: 2, down2: 4, bottom: 4, up2: 2, up: 1, leave: 1 };
  for (const [name, factor] of Object.entries(channels)) {
    shapes[`${name}/scale`] = [factor * filters];
    shapes[`${name}/offset`] = [factor * filters];
  }
  return shapes;
}

export function makeWeights(shape: NetworkShape, seed: number): Record<string, tf.Tensor> {
  const entries = Object.entries(parameterShapes(shape)).map(([name, sides], index) => {
    const fanIn = sides.slice(0, -1).reduce((a, b) => a * b, 1);
    if (name.endsWith('/scale')) return [name, tf.add(1, values(sides, 100 * seed + index, 0.4))];
    return [name, values(sides, 100 * seed + index, name.endsWith('/w') ? Math.sqrt(12 / fanIn) : 0.4)];
  });
  return Object.fromEntries(entries) as Record<string, tf.Tensor>;
}

export function makeBatch({ batch, sides, classes }: NetworkShape, seed: number) {
  return {
    image: values([batch, ...sides, 1], 100 * seed + 90, 2),
    target: labels([batch, ...sides], 100 * seed + 91, classes),
  };
}

/**
 * A V-Net of three levels: convolutions, a strided convolution of tiling and one of overlapping windows, transposed
 * convolutions, a skip that is added and one that is concatenated, normalisation with activation.
 */
export function forward(ops: Operations, w: Weights, x: tf.Tensor, shape: NetworkShape): tf.Tensor {
  const normed = (name: string, y: tf.Tensor) => ops.norm(y, w[`${name}/scale`]!, w[`${name}/offset`]!, shape);
  const block = (name: string, y: tf.Tensor, stride = 1) => normed(name, ops.conv(y, w[`${name}/w`]!, stride));
  const up = (name: string, y: tf.Tensor) => normed(name, ops.double(y, w[`${name}/w`]!));
  const first = block('enter', x);
  const half = block('down', first, 2);
  const second = tf.add(block('level', half), half);
  const third = block('bottom', block('down2', second, 2));
  const joined = tf.concat([up('up', tf.add(up('up2', third), second)), first], x.rank - 1);
  return ops.conv(block('leave', joined), w['head/w']!, 1, w['head/b']!);
}
