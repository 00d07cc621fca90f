import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';

/** How TensorFlow.js names an activation inside a fused kernel. */
export interface FusedActivation {
  activation?: string;
  leakyreluAlpha?: number;
}

const PLAIN: Readonly<Record<string, string>> = { relu: 'Relu', relu6: 'Relu6', elu: 'Elu', sigmoid: 'Sigmoid' };

/** The activation of a fused kernel on `x`; `slope` broadcasts against x and is read by `prelu` alone. */
export function composeActivation(
  backend: OnnxRuntimeBackend,
  x: Value,
  { activation = 'linear', leakyreluAlpha = 0 }: FusedActivation,
  slope: Value | undefined,
): Value {
  const { shape } = x;
  if (activation === 'linear') return x;
  if (activation === 'leakyrelu') {
    return backend.composeElementwise('LeakyRelu', [x], { alpha: leakyreluAlpha }, shape, 'float32');
  }
  if (activation === 'prelu') {
    if (!slope) throw new Error('the activation prelu needs preluActivationWeights');
    return backend.composeElementwise('Prelu', [x, slope], {}, shape, 'float32');
  }
  const op = PLAIN[activation];
  if (!op) throw new Error(`Activation ${activation} has not been implemented for this backend.`);
  return backend.composeElementwise(op, [x], {}, shape, 'float32');
}

export function optionalValue(backend: OnnxRuntimeBackend, info: TensorInfo | undefined | null): Value | undefined {
  return info ? backend.value(info) : undefined;
}
