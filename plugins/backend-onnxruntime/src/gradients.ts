import {
  broadcastTo,
  conv3d,
  cumprod,
  cumsum,
  div,
  engine,
  type GradConfig,
  getGradient,
  mul,
  registerGradient,
  reshape,
  scalar,
  sum,
  type Tensor,
  type Tensor5D,
  type TensorInfo,
  transpose,
  util,
} from '@tensorflow/tfjs-core';
import { gradientConfigs } from '../generated/tfjs-gradients.js';

type Gradient = (dy: Tensor, saved: Tensor[], attributes: Record<string, unknown>) => Record<string, () => Tensor>;

function config(kernelName: string, inputsToSave: string[], gradFunc: Gradient): GradConfig {
  return { kernelName, inputsToSave, gradFunc: gradFunc as GradConfig['gradFunc'] };
}

function run(kernelName: string, inputs: Record<string, TensorInfo>, attributes: object): Tensor {
  return engine().runKernel(kernelName, inputs as never, attributes as never) as Tensor;
}

/** dy of a reduction, spread over the reduced axes. TensorFlow.js multiplies by a tensor of ones instead. */
function spread(dy: Tensor, shape: number[], axis: unknown): Tensor {
  const axes = util.parseAxisParam(axis as number[], shape);
  const kept = shape.map((side, index) => (axes.includes(index) ? 1 : side));
  return broadcastTo(reshape(dy, kept), shape);
}

const sumGradient = config('Sum', ['x'], (dy, [x], { axis }) => ({ x: () => spread(dy, x!.shape, axis) }));

const meanGradient = config('Mean', ['x'], (dy, [x], { axis }) => {
  const axes = util.parseAxisParam(axis as number[], x!.shape);
  const count = axes.reduce((total, index) => total * x!.shape[index]!, 1);
  return { x: () => spread(div(dy, scalar(count)), x!.shape, axis) };
});

/** TensorFlow.js has this up to rank 4, which leaves out tf.broadcastTo of volumes. */
const tileGradient = config('Tile', ['x'], (dy, [x], { reps }) => {
  const parted = x!.shape.flatMap((side, axis) => [(reps as number[])[axis]!, side]);
  const copies = x!.shape.map((_, axis) => 2 * axis).filter((axis) => parted[axis] !== 1);
  return { x: () => reshape(sum(reshape(dy, parted), copies), x!.shape) };
});

/** dy times the product of the other factors, from both sides: right for zeros too. TensorFlow.js's needs chained ops. */
const productGradient = config('Prod', ['x'], (dy, [x], { axis }) => ({
  x: () => {
    const axes = util.parseAxisParam(axis as number[], x!.shape);
    const kept = x!.shape.map((_, index) => index).filter((index) => !axes.includes(index));
    const perm = [...kept, ...axes];
    const moved = transpose(x!, perm);
    const rows = reshape(moved, [kept.reduce((size, index) => size * x!.shape[index]!, 1), -1]);
    const others = mul(cumprod(rows, 1, true), cumprod(rows, 1, true, true));
    const gradient = mul(others, reshape(dy, [-1, 1]));
    const back = perm.map((_, index) => perm.indexOf(index));
    return transpose(reshape(gradient, moved.shape), back);
  },
}));

/** TensorFlow.js's transposes the result where the axis is not the last one. */
const cumulativeSumGradient = config('Cumsum', ['x'], (dy, _saved, attributes) => {
  const { axis, exclusive, reverse } = attributes as { axis: number; exclusive: boolean; reverse: boolean };
  return { x: () => cumsum(dy, axis, exclusive, !reverse) };
});

const convAttributes = ({ strides, pad, dataFormat, dimRoundingMode, dilations }: Record<string, unknown>) => ({
  strides,
  pad,
  dataFormat,
  dimRoundingMode,
  dilations,
});

const biasGradient = (dy: Tensor) => sum(dy, dy.shape.map((_, axis) => axis).slice(0, -1));

function convGradient(kernelName: string, inputKernel: string, filterKernel: string): GradConfig {
  return config(kernelName, ['x', 'filter'], (dy, [x, filter], attributes) => {
    const common = convAttributes(attributes);
    return {
      x: () => run(inputKernel, { dy, filter: filter! }, { ...common, inputShape: x!.shape }),
      filter: () => run(filterKernel, { x: x!, dy }, { ...common, filterShape: filter!.shape }),
      bias: () => biasGradient(dy),
    };
  });
}

/** TensorFlow.js has no gradient of the transposed convolution: its input gradient is the convolution itself. */
function transposedGradient(kernelName: string, input: string): GradConfig {
  return config(kernelName, [input, 'filter'], (dy, [small, filter], attributes) => {
    const { strides, pad } = attributes as { strides: [number, number, number]; pad: 'same' };
    return {
      [input]: () => conv3d(dy as Tensor5D, filter as Tensor5D, strides, pad),
      filter: () => run('Conv3DBackpropFilterV2', { x: dy, dy: small! }, { strides, pad, filterShape: filter!.shape }),
      bias: () => biasGradient(dy),
    };
  });
}

const ownGradients: readonly GradConfig[] = [
  sumGradient,
  meanGradient,
  tileGradient,
  productGradient,
  cumulativeSumGradient,
  convGradient('BiasedConv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'),
  convGradient('BiasedConv3D', 'Conv3DBackpropInputV2', 'Conv3DBackpropFilterV2'),
  transposedGradient('BiasedConvTranspose3D', 'x'),
  transposedGradient('Conv3DBackpropInputV2', 'dy'),
];

/** Registers what is not registered yet: plain tfjs-core in Node knows no gradient at all. */
export function registerGradients(): void {
  for (const gradient of [...ownGradients, ...gradientConfigs]) {
    if (!getGradient(gradient.kernelName)) registerGradient(gradient);
  }
}
