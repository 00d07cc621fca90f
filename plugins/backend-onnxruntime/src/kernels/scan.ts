import { type KernelConfig, upcastType, util } from '@tensorflow/tfjs-core';
import type { GraphDType } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';

interface ScanAttributes {
  axis: number;
  exclusive: boolean;
  reverse: boolean;
}

function scan(name: string, kind: 'sum' | 'product'): KernelConfig {
  return defineKernel<Input<'x'>, ScanAttributes>(name, (backend, { x }, { axis, exclusive, reverse }) => {
    const [along] = util.parseAxisParam(axis, x.shape) as [number];
    const dtype = upcastType(x.dtype, 'int32') as GraphDType;
    return backend.recordOne('Scan', [x], { kind, axis: along, exclusive, reverse }, x.shape, dtype);
  });
}

export const scanKernels: readonly KernelConfig[] = [scan('Cumsum', 'sum'), scan('Cumprod', 'product')];
