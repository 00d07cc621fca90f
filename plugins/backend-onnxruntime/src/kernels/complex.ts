import type { KernelConfig } from '@tensorflow/tfjs-core';
import { defineKernel, type Input } from './define.js';
import { identity } from './elementwise.js';

const complex = defineKernel<Input<'real' | 'imag'>, object>('Complex', (backend, { real, imag }) =>
  backend.makeComplex(real, imag),
);

const real = defineKernel<Input<'input'>, object>('Real', (backend, { input }) => {
  const entry = backend.data.get(input.dataId);
  return identity(backend, { ...entry.complex!.real, shape: input.shape });
});

const imag = defineKernel<Input<'input'>, object>('Imag', (backend, { input }) => {
  const entry = backend.data.get(input.dataId);
  return identity(backend, { ...entry.complex!.imag, shape: input.shape });
});

export const complexKernels: readonly KernelConfig[] = [complex, real, imag];
