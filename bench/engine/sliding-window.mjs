import { NETWORKS } from './programs.mjs';

/** Starts of the windows along one axis; the last one is shifted to the border. */
function windowStarts(size, window, stride) {
  const count = Math.ceil((size - window) / stride) + 1;
  return Array.from({ length: count }, (_, index) => Math.min(index * stride, size - window));
}

const EPSILON = 1e-5;

/** Folds the running statistics of batch normalisation into the convolution before it: w s, (b - m) s + offset. */
export function foldBatchNorm(tensors) {
  const folded = new Map();
  for (const [name, tensor] of tensors) {
    if (!name.includes('.norm.') && !name.endsWith('.conv.bias')) folded.set(name, tensor);
    if (!name.endsWith('.conv.weight')) continue;
    const unit = name.slice(0, -'.conv.weight'.length);
    const part = (suffix) => tensors.get(`${unit}.${suffix}`).data;
    const [scale, offset] = [part('norm.weight'), part('norm.bias')];
    const [mean, variance, bias] = [part('norm.running_mean'), part('norm.running_var'), part('conv.bias')];
    const factor = scale.map((value, channel) => value / Math.sqrt(variance[channel] + EPSILON));
    // Filters are [k, k, k, in, out]; a transposed one is [k, k, k, out, in].
    const [rows, columns] = tensor.shape.slice(-2);
    const transposed = unit.startsWith('up.');
    const channelOf = (index) => (transposed ? Math.floor(index / columns) % rows : index % columns);
    folded.set(name, {
      shape: tensor.shape,
      data: tensor.data.map((value, index) => value * factor[channelOf(index)]),
    });
    const shift = bias.map((value, channel) => (value - mean[channel]) * factor[channel] + offset[channel]);
    folded.set(`${unit}.conv.bias`, { shape: [shift.length], data: shift });
  }
  return folded;
}

/** Softmax of one batch of windows [n, d, h, w, 1] -> [n, d, h, w, k]. */
function createWindowProbabilities({ tf, ops, weights }) {
  const parameter = (name) => weights.get(name);
  const tools = { tf, ops, parameter, options: { norm: 'none', slope: 0, bias: true } };
  return (patches) => tf.softmax(NETWORKS['vnet-batch'](tools, patches));
}

/** Adds overlapping blocks along one axis; `starts` are their positions in a line of `size`. */
function overlapAdd(tf, blocks, starts, size, axis) {
  return blocks
    .map((block, index) => {
      const padding = block.shape.map(() => [0, 0]);
      padding[axis] = [starts[index], size - starts[index] - block.shape[axis]];
      return tf.pad(block, padding);
    })
    .reduce((sum, block) => tf.add(sum, block));
}

function hits(size, window, starts) {
  return Float32Array.from(
    { length: size },
    (_, at) => starts.filter((start) => at >= start && at < start + window).length,
  );
}

/**
 * A whole volume in one graph: the windows share the reordered weights, and their probabilities are added axis by axis.
 * volume [d, h, w] -> labels int32 [d, h, w] and the mean of the highest averaged probability.
 */
export function createSlidingWindow({ tf, ops, weights, shape, window, stride }) {
  const probabilities = createWindowProbabilities({ tf, ops, weights });
  const starts = shape.map((size, axis) => windowStarts(size, window[axis], stride[axis]));
  const inverse = shape.map((size, axis) => hits(size, window[axis], starts[axis]).map((count) => 1 / count));
  const along = (volume, axis, begin) =>
    axis === 3
      ? probabilities(tf.reshape(tf.slice(volume, begin, window), [1, ...window, 1]))
      : overlapAdd(
          tf,
          starts[axis].map((start) => along(volume, axis + 1, [...begin, start])),
          starts[axis],
          shape[axis],
          axis + 1,
        );
  return ({ volume }) => {
    const share = inverse
      .map((values, axis) =>
        tf.reshape(
          tf.tensor1d(values),
          shape.map((_, other) => (other === axis ? -1 : 1)),
        ),
      )
      .reduce((product, values) => tf.mul(product, values));
    const averaged = tf.mul(along(volume, 0, []), tf.reshape(share, [1, ...shape, 1]));
    return {
      labels: tf.reshape(tf.argMax(averaged, 4), shape),
      highest: tf.mean(tf.max(averaged, 4)),
    };
  };
}
