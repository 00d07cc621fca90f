/**
 * The operations that an engine may fuse, composed of TensorFlow.js ones: the reference, and what a backend without
 * fused kernels runs. Names and options are those of `@dinomix/backend-onnxruntime`.
 */
export function composedOps(tf) {
  const withBias = (y, bias) => (bias ? tf.add(y, bias) : y);
  return {
    conv2d: (x, filter, { bias, strides = [1, 1], padding }) => withBias(tf.conv2d(x, filter, strides, padding), bias),
    conv3d: (x, filter, { bias, strides = [1, 1, 1], padding }) =>
      withBias(tf.conv3d(x, filter, strides, padding), bias),
    conv3dTranspose: (x, filter, { bias, strides }) => {
      const shape = [x.shape[0], ...strides.map((stride, axis) => stride * x.shape[axis + 1]), filter.shape[3]];
      return withBias(tf.conv3dTranspose(x, filter, shape, strides, 'same'), bias);
    },
    normActivation: (x, { norm, scale, offset, slope, epsilon = 1e-5 }) => {
      const activate = (y) => (slope === 1 ? y : slope === 0 ? tf.relu(y) : tf.leakyRelu(y, slope));
      if (norm !== 'instance') throw new Error(`the composed operations have no '${norm}' normalisation`);
      const space = x.shape.slice(1, -1).map((_, axis) => axis + 1);
      const centred = tf.sub(x, tf.mean(x, space, true));
      const variance = tf.mean(tf.square(centred), space, true);
      return activate(tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))), scale), offset));
    },
    softmaxCrossEntropyDice: (logits, labels, { classWeights, crossEntropy, dice, smooth = 1 }) => {
      const classes = logits.shape.at(-1);
      const hot = tf.cast(tf.oneHot(labels, classes), 'float32');
      const logP = tf.logSoftmax(logits, -1);
      const weights = tf.mul(hot, classWeights);
      const ce = tf.div(tf.neg(tf.sum(tf.mul(weights, logP))), tf.sum(weights));
      const rest = logits.shape.slice(0, -1).map((_, axis) => axis);
      const p = tf.exp(logP);
      const overlap = tf.sum(tf.mul(p, hot), rest);
      const size = tf.add(tf.sum(p, rest), tf.sum(hot, rest));
      const perClass = tf.div(tf.add(tf.mul(overlap, 2), smooth), tf.add(size, smooth));
      const foreground = tf.slice(tf.mul(perClass, classWeights), [1], [classes - 1]);
      return tf.add(tf.mul(ce, crossEntropy), tf.mul(tf.sub(1, tf.mean(foreground)), dice));
    },
  };
}
