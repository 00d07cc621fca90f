// A small 3D segmentation network, its data and its training, written for any backend of TensorFlow.js: what the tests of
// this package and bench/peers/check-tfjs-node.mjs run on libtensorflow and on the CPU backend to compare the two.

const CLASSES = 3;
const FILTERS = 4;

/** Uniform numbers in [0, 1) from a 32-bit seed (mulberry32, public domain). */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * One level of encoder and decoder. `kernel` is the edge of the strided convolutions: 2 tiles an even volume, 3 overlaps
 * and fits any size.
 */
export function createParameters(seed, kernel) {
  const random = uniform(seed);
  const filter = (name, edge, into, outOf) => {
    const shape = [edge, edge, edge, into, outOf];
    const deviation = Math.sqrt(2 / (edge ** 3 * into));
    const size = shape.reduce((product, length) => product * length, 1);
    return { name, shape, values: Float32Array.from({ length: size }, () => deviation * normal(random)) };
  };
  const affine = (name, channels) => [
    { name: `${name}.scale`, shape: [channels], values: Float32Array.from({ length: channels }, () => 0.5 + random()) },
    {
      name: `${name}.offset`,
      shape: [channels],
      values: Float32Array.from({ length: channels }, () => random() - 0.5),
    },
  ];
  return [
    filter('stem.filter', 3, 1, FILTERS),
    ...affine('stem', FILTERS),
    filter('down.filter', kernel, FILTERS, 2 * FILTERS),
    ...affine('down', 2 * FILTERS),
    filter('middle.filter', 3, 2 * FILTERS, 2 * FILTERS),
    ...affine('middle', 2 * FILTERS),
    filter('up.filter', kernel, FILTERS, 2 * FILTERS),
    ...affine('up', FILTERS),
    filter('fuse.filter', 3, 2 * FILTERS, FILTERS),
    ...affine('fuse', FILTERS),
    filter('head.filter', 1, FILTERS, CLASSES),
    { name: 'head.bias', shape: [CLASSES], values: new Float32Array(CLASSES) },
  ];
}

/** A noisy volume `[b, d, h, w]` of one ball and one slab on background, with its labels. */
export function createBatch(seed, shape) {
  const random = uniform(seed ^ 0x5bd1e995);
  const [batch, depth, height, width] = shape;
  const image = new Float32Array(batch * depth * height * width);
  const labels = new Int32Array(image.length);
  let voxel = 0;
  for (let b = 0; b < batch; b++) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++, voxel++) {
          const radius = Math.hypot(z / depth - 0.5, y / height - 0.4 - 0.1 * b, x / width - 0.5);
          labels[voxel] = radius < 0.3 ? 2 : y > 0.75 * height ? 1 : 0;
          image[voxel] = labels[voxel] - 0.7 + 0.5 * normal(random);
        }
      }
    }
  }
  return { shape, image, labels };
}

/** Instance normalisation [b, d, h, w, c] with a two-pass variance, then leaky ReLU. */
function normActivation(tf, x, weights, name, slope) {
  const mean = tf.mean(x, [1, 2, 3], true);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), [1, 2, 3], true);
  const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5)));
  const affine = tf.add(tf.mul(normalised, weights[`${name}.scale`]), weights[`${name}.offset`]);
  return tf.leakyRelu(affine, slope);
}

/** Logits `[b, d, h, w, 3]` of `x` `[b, d, h, w, 1]`. */
function forward(tf, x, weights, slope) {
  const block = (input, name, stride) =>
    normActivation(tf, tf.conv3d(input, weights[`${name}.filter`], stride, 'same'), weights, name, slope);
  const stem = block(x, 'stem', 1);
  const middle = block(block(stem, 'down', 2), 'middle', 1);
  const raised = tf.conv3dTranspose(middle, weights['up.filter'], stem.shape, 2, 'same');
  const joined = tf.concat([normActivation(tf, raised, weights, 'up', slope), stem], 4);
  const fused = block(joined, 'fuse', 1);
  return tf.add(tf.conv3d(fused, weights['head.filter'], 1, 'same'), weights['head.bias']);
}

/** Mean softmax cross-entropy over the voxels. */
function lossOf(tf, weights, batch, slope) {
  const x = tf.tensor(batch.image, [...batch.shape, 1]);
  const logits = tf.reshape(forward(tf, x, weights, slope), [-1, CLASSES]);
  const target = tf.oneHot(tf.tensor1d(batch.labels, 'int32'), CLASSES);
  return tf.losses.softmaxCrossEntropy(target, logits);
}

function createVariables(tf, parameters) {
  return Object.fromEntries(
    parameters.map(({ name, shape, values }) => [name, tf.tidy(() => tf.variable(tf.tensor(values.slice(), shape)))]),
  );
}

/** Loss and gradient of every parameter on the named backend, as typed arrays. */
export async function gradientsOn(tf, backend, { parameters, batch, slope }) {
  await tf.setBackend(backend);
  const variables = createVariables(tf, parameters);
  const { value, grads } = tf.variableGrads(() => lossOf(tf, variables, batch, slope), Object.values(variables));
  const gradients = {};
  for (const [name, variable] of Object.entries(variables)) gradients[name] = await grads[variable.name].data();
  const loss = (await value.data())[0];
  tf.dispose([value, grads, variables]);
  return { loss, gradients };
}

/** Trains with SGD and momentum on the named backend; returns the loss before each step and the milliseconds of each step. */
export async function trainOn(tf, backend, { parameters, batch, slope, steps, learningRate, momentum }) {
  await tf.setBackend(backend);
  const variables = createVariables(tf, parameters);
  const optimizer = tf.train.momentum(learningRate, momentum);
  const losses = [];
  const milliseconds = [];
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    const loss = optimizer.minimize(() => lossOf(tf, variables, batch, slope), true, Object.values(variables));
    losses.push((await loss.data())[0]);
    milliseconds.push(performance.now() - start);
    loss.dispose();
  }
  const weights = {};
  for (const [name, variable] of Object.entries(variables)) weights[name] = await variable.data();
  optimizer.dispose();
  tf.dispose(variables);
  return { losses, milliseconds, weights };
}

/** ‖a - b‖ / ‖b‖. */
export function relativeL2(a, b) {
  let difference = 0;
  let length = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    length += b[i] ** 2;
  }
  return Math.sqrt(difference / length);
}
