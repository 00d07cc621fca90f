import { type DataType, type KernelConfig, type TensorInfo, upcastType } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { broadcastShapes } from '../graph/broadcast.js';
import type { GraphDType } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';

type ResultType = (x: TensorInfo) => GraphDType;
const same: ResultType = (x) => (x.dtype === 'bool' ? 'int32' : (x.dtype as GraphDType));
const float: ResultType = () => 'float32';
const bool: ResultType = () => 'bool';

const unary: Readonly<Record<string, ResultType>> = {
  Abs: same,
  Neg: same,
  Square: same,
  Sign: same,
  Relu: same,
  Floor: same,
  Ceil: same,
  Round: same,
  Exp: float,
  Log: float,
  Sqrt: float,
  Rsqrt: float,
  Reciprocal: float,
  Sin: float,
  Cos: float,
  Tan: float,
  Asin: float,
  Acos: float,
  Atan: float,
  Sinh: float,
  Cosh: float,
  Asinh: float,
  Acosh: float,
  Atanh: float,
  Tanh: float,
  Sigmoid: float,
  Erf: float,
  Softplus: float,
  LogicalNot: bool,
  IsNan: bool,
  IsInf: bool,
};

const binary = ['Add', 'Sub', 'Multiply', 'RealDiv', 'Pow', 'SquaredDifference'];
const comparison = ['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'];

function unaryKernel(name: string, result: ResultType): KernelConfig {
  return defineKernel<Input<'x'>, object>(name, (backend, { x }) =>
    backend.recordElementwise(name, [x], {}, x.shape, result(x)),
  );
}

function numeric(dtype: DataType): GraphDType {
  return dtype === 'bool' ? 'int32' : (dtype as GraphDType);
}

function binaryKernel(name: string, result: (a: TensorInfo, b: TensorInfo) => GraphDType): KernelConfig {
  return defineKernel<Input<'a' | 'b'>, object>(name, (backend, { a, b }) => {
    const shape = broadcastShapes([a.shape, b.shape]);
    return backend.recordElementwise(name, [a, b], {}, shape, result(a, b));
  });
}

/** Another reference to the same data. */
export function identity(backend: OnnxRuntimeBackend, x: TensorInfo): TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

const select = defineKernel<Input<'condition' | 't' | 'e'>, object>('Select', (backend, { condition, t, e }) => {
  const lifted =
    condition.shape.length === 1 && t.shape.length > 1
      ? backend.recordOne('Reshape', [condition], {}, [condition.shape[0]!, ...t.shape.slice(1).map(() => 1)], 'bool')
      : condition;
  const dtype = upcastType(t.dtype, e.dtype) as GraphDType;
  const result = backend.recordElementwise('Select', [lifted, t, e], {}, t.shape, dtype);
  if (lifted !== condition) backend.disposeData(lifted.dataId);
  return result;
});

const leakyRelu = defineKernel<Input<'x'>, { alpha: number }>('LeakyRelu', (backend, { x }, { alpha }) =>
  backend.recordElementwise('LeakyRelu', [x], { alpha }, x.shape, 'float32'),
);

export const elementwiseKernels: readonly KernelConfig[] = [
  ...Object.entries(unary).map(([name, result]) => unaryKernel(name, result)),
  ...binary.map((name) => binaryKernel(name, (a, b) => numeric(upcastType(a.dtype, b.dtype)))),
  ...comparison.map((name) => binaryKernel(name, () => 'bool')),
  defineKernel<Input<'x'>, object>('Identity', (backend, { x }) => identity(backend, x)),
  select,
  leakyRelu,
];
