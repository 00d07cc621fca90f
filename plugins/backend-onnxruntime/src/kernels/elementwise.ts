import { backend_util, type DataType, type KernelConfig, type TensorInfo, upcastType } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { GraphDType, Value } from '../graph/ir.js';
import { defineHostKernel, defineKernel, type Input } from './define.js';
import { scalarLeaf } from './leaf.js';

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
  Relu6: same,
  Floor: same,
  Ceil: same,
  Round: same,
  Exp: float,
  Expm1: float,
  Log: float,
  Log1p: float,
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
  Elu: float,
  Selu: float,
  LogicalNot: bool,
  IsNan: bool,
  IsInf: bool,
  IsFinite: bool,
};

const arithmetic = ['Add', 'Sub', 'Multiply', 'RealDiv', 'Pow', 'SquaredDifference', 'Maximum', 'Minimum', 'Mod'];
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
    const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    return backend.recordElementwise(name, [a, b], {}, shape, result(a, b));
  });
}

/** Another reference to the same data. */
export function identity(backend: OnnxRuntimeBackend, x: TensorInfo): TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

/** The graph value of a tensor as float32. */
export function floatValue(backend: OnnxRuntimeBackend, info: TensorInfo): Value {
  const value = backend.value(info);
  if (value.dtype === 'float32') return value;
  return backend.composeElementwise('Cast', [value], { dtype: 'float32' }, value.shape, 'float32');
}

const select = defineKernel<Input<'condition' | 't' | 'e'>, object>('Select', (backend, { condition, t, e }) => {
  const mask = backend.value(condition);
  const lifted =
    condition.shape.length === 1 && t.shape.length > 1
      ? backend.compose('Reshape', [mask], {}, [condition.shape[0]!, ...t.shape.slice(1).map(() => 1)], mask.dtype)
      : mask;
  const dtype = upcastType(t.dtype, e.dtype) as GraphDType;
  const values = [lifted, backend.value(t), backend.value(e)];
  return backend.tensor(backend.composeElementwise('Select', values, {}, t.shape, dtype));
});

const leakyRelu = defineKernel<Input<'x'>, { alpha: number }>('LeakyRelu', (backend, { x }, { alpha }) =>
  backend.recordElementwise('LeakyRelu', [x], { alpha }, x.shape, 'float32'),
);

const step = defineKernel<Input<'x'>, { alpha: number }>('Step', (backend, { x }, { alpha }) => {
  const dtype = same(x);
  const below = scalarLeaf(alpha, dtype);
  return backend.tensor(backend.composeElementwise('Step', [backend.value(x), below], {}, x.shape, dtype));
});

const clip = defineKernel<Input<'x'>, { clipValueMin: number; clipValueMax: number }>(
  'ClipByValue',
  (backend, { x }, { clipValueMin, clipValueMax }) => {
    const dtype = same(x);
    const inputs = [backend.value(x), scalarLeaf(clipValueMin, dtype), scalarLeaf(clipValueMax, dtype)];
    return backend.tensor(backend.composeElementwise('Clip', inputs, {}, x.shape, dtype));
  },
);

const prelu = defineKernel<Input<'x' | 'alpha'>, object>('Prelu', (backend, { x, alpha }) => {
  const shape = backend_util.assertAndGetBroadcastShape(x.shape, alpha.shape);
  return backend.recordElementwise('Prelu', [x, alpha], {}, shape, 'float32');
});

const eluGrad = defineKernel<Input<'dy' | 'y'>, object>('EluGrad', (backend, { dy, y }) =>
  backend.recordElementwise('EluGrad', [dy, y], {}, y.shape, 'float32'),
);

const addN = defineKernel<Record<string, TensorInfo>, object>('AddN', (backend, inputs) => {
  const terms = inputs as unknown as readonly TensorInfo[];
  const { shape, dtype } = terms[0]!;
  const values = terms.map((term) => backend.value(term));
  const sum = values.reduce((a, b) => backend.composeElementwise('Add', [a, b], {}, shape, numeric(dtype)));
  return backend.tensor(sum);
});

export const elementwiseKernels: readonly KernelConfig[] = [
  ...Object.entries(unary).map(([name, result]) => unaryKernel(name, result)),
  ...arithmetic.map((name) => binaryKernel(name, (a, b) => numeric(upcastType(a.dtype, b.dtype)))),
  ...comparison.map((name) => binaryKernel(name, () => 'bool')),
  binaryKernel('FloorDiv', () => 'int32'),
  binaryKernel('Atan2', () => 'float32'),
  binaryKernel('BitwiseAnd', () => 'int32'),
  defineHostKernel<Input<'x'>, object>('Identity', (backend, { x }) => identity(backend, x)),
  select,
  leakyRelu,
  step,
  clip,
  prelu,
  eluGrad,
  addN,
];
