/**
 * The networks and the training step of the benchmark as TensorFlow.js programs. `parameter(name)` gives the tensor of
 * a parameter; names are those that the PyTorch side exports, so that both sides start from the same weights.
 */

const LOSS = { crossEntropy: 1, dice: 1, smooth: 1 };
const MOMENTUM = 0.9;

/** Convolution, normalisation, LeakyReLU; `kind` is 'conv', 'down' or 'up'. */
function unit3d({ ops, parameter, options }, name, x, kind) {
  const filter = parameter(`${name}.conv.weight`);
  const bias = options.bias ? { bias: parameter(`${name}.conv.bias`) } : {};
  const strides = [2, 2, 2];
  let y;
  if (kind === 'up') y = ops.conv3dTranspose(x, filter, { ...bias, strides });
  else if (kind === 'down') y = ops.conv3d(x, filter, { ...bias, strides, padding: 'valid' });
  else y = ops.conv3d(x, filter, { ...bias, padding: 'same' });
  return activate({ ops, parameter, options }, name, y);
}

function activate({ ops, parameter, options }, name, y) {
  const { norm, slope } = options;
  if (norm === 'instance') {
    const affine = { scale: parameter(`${name}.scale`), offset: parameter(`${name}.offset`) };
    return ops.normActivation(y, { norm, ...affine, slope, training: true });
  }
  const [scale, offset] = [parameter(`${name}.norm.weight`), parameter(`${name}.norm.bias`)];
  const [mean, variance] = [parameter(`${name}.norm.running_mean`), parameter(`${name}.norm.running_var`)];
  const running = { mean, variance, update: () => undefined };
  return ops.normActivation(y, { norm, scale, offset, running, slope, training: false });
}

/** V-Net with additive skips: [b, d, h, w, 1] -> logits [b, d, h, w, k]. */
function vnet(tools, x, { encoder, decoder }) {
  const { tf, ops, parameter } = tools;
  const skips = [];
  let y = x;
  encoder.forEach((count, level) => {
    for (let i = 0; i < count; i++) y = unit3d(tools, `encoder.${level}.${i}`, y, 'conv');
    if (level + 1 === encoder.length) return;
    skips.push(y);
    y = unit3d(tools, `down.${level}`, y, 'down');
  });
  decoder.forEach((count, step) => {
    y = tf.add(unit3d(tools, `up.${step}`, y, 'up'), skips.pop());
    for (let i = 0; i < count; i++) y = unit3d(tools, `decoder.${step}.${i}`, y, 'conv');
  });
  return ops.conv3d(y, parameter('head.weight'), { bias: parameter('head.bias'), padding: 'same' });
}

/** 2D U-Net: two convolutions per level, max pooling, transposed convolutions, skips by concatenation. */
function unet2d(tools, x, { levels }) {
  const { tf, ops, parameter } = tools;
  const block = (name, input) => {
    let y = input;
    for (const i of [0, 1]) {
      y = ops.conv2d(y, parameter(`${name}.${i}.conv.weight`), { padding: 'same' });
      y = activate(tools, `${name}.${i}`, y);
    }
    return y;
  };
  const skips = [];
  let y = x;
  for (let level = 0; level < levels; level++) {
    y = block(`encoder.${level}`, level === 0 ? y : tf.maxPool(y, 2, 2, 'valid'));
    skips.push(y);
  }
  skips.pop();
  for (let step = 0; step + 1 < levels; step++) {
    const filter = parameter(`up.${step}.weight`);
    const shape = [y.shape[0], 2 * y.shape[1], 2 * y.shape[2], filter.shape[2]];
    const up = tf.add(tf.conv2dTranspose(y, filter, shape, [2, 2], 'same'), parameter(`up.${step}.bias`));
    y = block(`decoder.${step}`, tf.concat([skips.pop(), up], 3));
  }
  return ops.conv2d(y, parameter('head.weight'), { bias: parameter('head.bias'), padding: 'same' });
}

export const NETWORKS = {
  vnet: (tools, x) => vnet(tools, x, { encoder: [1, 2, 3, 3], decoder: [3, 2, 1] }),
  unet2d: (tools, x) => unet2d(tools, x, { levels: 5 }),
  'vnet-batch': (tools, x) => vnet(tools, x, { encoder: [1, 2, 3, 3, 3], decoder: [3, 3, 2, 1] }),
};

/** Trainable variables by name; `tensors` maps names to `{ shape, data }`. */
export function createVariables(tf, tensors, names) {
  const variables = new Map();
  for (const name of names) {
    const { shape, data } = tensors.get(name);
    const start = tf.tensor(data, shape, 'float32');
    variables.set(name, tf.variable(start, true, `${name}:${variables.size}`));
    start.dispose();
  }
  return variables;
}

/** Loss of one batch: image [b, ..., 1], labels int32 [b, ...], class weights [k]. */
export function createLoss({ tf, ops, network, variables, slope }) {
  const parameter = (name) => {
    const variable = variables.get(name);
    if (!variable) throw new Error(`the exported weights have no "${name}"`);
    return variable;
  };
  const tools = { tf, ops, parameter, options: { norm: 'instance', slope, bias: false } };
  return ({ image, labels, classWeights }) =>
    ops.softmaxCrossEntropyDice(NETWORKS[network](tools, image), labels, { classWeights, ...LOSS });
}

/** Loss, gradients and SGD with momentum, v = m v + g, p = p - rate v; all that changes per step is an input tensor. */
export function createTrainingStep({ tf, variables, loss }) {
  const byVariable = new Map([...variables.values()].map((variable) => [variable.name, variable]));
  const velocities = new Map(
    [...byVariable].map(([name, variable]) => [name, tf.variable(tf.zeros(variable.shape), false, `velocity/${name}`)]),
  );
  return (inputs) =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => loss(inputs), [...byVariable.values()]);
      for (const [name, variable] of byVariable) {
        const velocity = velocities.get(name);
        const next = tf.add(tf.mul(velocity, MOMENTUM), grads[name]);
        velocity.assign(next);
        variable.assign(tf.sub(variable, tf.mul(inputs.rate, next)));
      }
      return { loss: value };
    });
}
