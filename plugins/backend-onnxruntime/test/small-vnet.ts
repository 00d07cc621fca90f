import * as tf from '@tensorflow/tfjs-core';

/** The operations that differ between the fused and the composed network. */
export interface NetworkOps {
  conv(x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor, stride: 1 | 2): tf.Tensor;
  up(x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor): tf.Tensor;
  norm(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, slope: number): tf.Tensor;
  loss(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor;
}

export const plainOps: NetworkOps = {
  conv: (x, filter, bias, stride) =>
    tf.add(tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, stride, stride === 1 ? 'same' : 'valid'), bias),
  up: (x, filter, bias) => {
    const [b, d, h, w] = x.shape as [number, number, number, number];
    const shape: [number, number, number, number, number] = [b, 2 * d, 2 * h, 2 * w, filter.shape[3]!];
    return tf.add(tf.conv3dTranspose(x as tf.Tensor5D, filter as tf.Tensor5D, shape, 2, 'same'), bias);
  },
  norm: (x, scale, offset, slope) => {
    const { mean, variance } = tf.moments(x, [1, 2, 3], true);
    return tf.leakyRelu(
      tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), offset),
      slope,
    );
  },
  loss: (logits, labels) => {
    const k = logits.shape[4]!;
    const target = tf.cast(tf.oneHot(labels as tf.Tensor1D, k), 'float32');
    const crossEntropy = tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits)), -1)));
    const p = tf.softmax(logits);
    const axes = [0, 1, 2, 3];
    const overlap = tf.add(tf.mul(tf.sum(tf.mul(p, target), axes), 2), 1);
    const score = tf.div(overlap, tf.add(tf.add(tf.sum(p, axes), tf.sum(target, axes)), 1));
    return tf.add(crossEntropy, tf.sub(1, tf.mean(tf.slice(score, [1], [k - 1]))));
  },
};

type Shapes = readonly (readonly [name: string, shape: readonly number[]])[];

/** Parameters of a two-level V-Net with additive skips: `f` filters, `k` classes. */
export function vnetShapes(f: number, k: number): Shapes {
  const unit = (name: string, kernel: number, i: number, o: number, transposed = false) =>
    [
      [`${name}.filter`, transposed ? [kernel, kernel, kernel, o, i] : [kernel, kernel, kernel, i, o]],
      [`${name}.bias`, [o]],
      [`${name}.scale`, [o]],
      [`${name}.offset`, [o]],
    ] as const;
  return [
    ...unit('first', 3, 1, f),
    ...unit('down', 2, f, 2 * f),
    ...unit('deep', 3, 2 * f, 2 * f),
    ...unit('up', 2, 2 * f, f, true),
    ...unit('last', 3, f, f),
    ['head.filter', [1, 1, 1, f, k]],
    ['head.bias', [k]],
  ];
}

/** Loss of the network; `weights` in the order of `vnetShapes`. */
export function vnetLoss(
  ops: NetworkOps,
  x: tf.Tensor,
  labels: tf.Tensor,
  weights: readonly tf.Tensor[],
  slope: number,
): tf.Tensor {
  let next = 0;
  const take = () => weights[next++]!;
  const unit = (value: tf.Tensor, kind: 'same' | 'down' | 'up') => {
    const [filter, bias, scale, offset] = [take(), take(), take(), take()];
    const y = kind === 'up' ? ops.up(value, filter, bias) : ops.conv(value, filter, bias, kind === 'down' ? 2 : 1);
    return ops.norm(y, scale, offset, slope);
  };
  const first = unit(x, 'same');
  const deep = unit(unit(first, 'down'), 'same');
  const last = unit(tf.add(unit(deep, 'up'), first), 'same');
  return ops.loss(ops.conv(last, take(), take(), 1), labels);
}
