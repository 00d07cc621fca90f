import { type KernelConfig, sumOutType, type TensorInfo, upcastType, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { GraphDType } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';
import { identity } from './elementwise.js';
import { filled } from './fill.js';

interface ReduceAttributes {
  axis?: number | number[];
  /** How the Max kernel calls its axes. */
  reductionIndices?: number | number[];
  keepDims: boolean;
}

type Reduction = 'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod' | 'All' | 'Any';

/** The result over no elements. */
const NEUTRAL: Readonly<Record<Reduction, number>> = {
  Sum: 0,
  Mean: Number.NaN,
  Max: Number.NEGATIVE_INFINITY,
  Min: Number.POSITIVE_INFINITY,
  Prod: 1,
  All: 1,
  Any: 0,
};

function reduceKernel(kind: Reduction, result: (x: TensorInfo) => GraphDType): KernelConfig {
  return defineKernel<Input<'x'>, ReduceAttributes>(kind, (backend, { x }, attributes) => {
    const axes = util.parseAxisParam((attributes.axis ?? attributes.reductionIndices) as number[], x.shape);
    const dtype = result(x);
    if (axes.length === 0) return converted(backend, x, dtype);
    const shape = reducedShape(x.shape, axes, attributes.keepDims);
    if (util.sizeFromShape(x.shape) === 0) return filled(backend, NEUTRAL[kind], shape, dtype);
    return backend.recordOne('Reduce', [x], { kind, axes, keepDims: attributes.keepDims }, shape, dtype);
  });
}

function reducedShape(shape: readonly number[], axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
  return shape.filter((_, axis) => !axes.includes(axis));
}

function converted(backend: OnnxRuntimeBackend, x: TensorInfo, dtype: GraphDType): TensorInfo {
  if (x.dtype === dtype) return identity(backend, x);
  return backend.recordElementwise('Cast', [x], { dtype }, x.shape, dtype);
}

function argKernel(kind: 'ArgMax' | 'ArgMin'): KernelConfig {
  return defineKernel<Input<'x'>, { axis: number }>(kind, (backend, { x }, { axis }) => {
    const [along] = util.parseAxisParam(axis, x.shape) as [number];
    const shape = x.shape.filter((_, index) => index !== along);
    if (x.shape.length === 0) return filled(backend, 0, [], 'int32');
    return backend.recordOne('ArgReduce', [x], { kind, axis: along }, shape, 'int32');
  });
}

const softmax = defineKernel<Input<'logits'>, { dim: number }>('Softmax', (backend, { logits }, { dim }) => {
  const rank = logits.shape.length;
  const [axis] = util.parseAxisParam(dim, logits.shape);
  util.assert(
    axis === rank - 1,
    () => `Softmax along a non-last dimension is not yet supported. Logits was rank ${rank} and dim was ${dim}`,
  );
  return backend.recordOne('Softmax', [logits], {}, logits.shape, 'float32');
});

const own = (x: TensorInfo) => x.dtype as GraphDType;

export const reduceKernels: readonly KernelConfig[] = [
  reduceKernel('Sum', (x) => sumOutType(x.dtype) as GraphDType),
  reduceKernel('Mean', () => 'float32'),
  reduceKernel('Max', own),
  reduceKernel('Min', own),
  reduceKernel('Prod', (x) => upcastType(x.dtype, 'int32') as GraphDType),
  reduceKernel('All', own),
  reduceKernel('Any', own),
  argKernel('ArgMax'),
  argKernel('ArgMin'),
  softmax,
];
