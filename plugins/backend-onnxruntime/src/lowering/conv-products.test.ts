import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { convolutionCases, convolutionInputs, convolutionProgram } from '../../test/convolution-cases.js';
import { differentiate, errors, useEngine, useReference } from '../../test/engine-harness.js';
import { OnnxRuntimeBackend } from '../backend.js';
import type { ExecutionProvider } from './context.js';

/** Lowers as for `provider` and computes on the CPU, so that the lowering is tested on any machine. */
async function useLoweringFor(provider: ExecutionProvider): Promise<void> {
  const { settings } = await useEngine();
  tf.removeBackend('onnxruntime');
  const target = { ...settings.target, provider, block: 0 };
  tf.registerBackend('onnxruntime', () => new OnnxRuntimeBackend({ ...settings, target }));
  await tf.setBackend('onnxruntime');
}

describe('convolutions as lowered for GPUs, against the CPU backend', () => {
  for (const provider of ['webgpu', 'cuda'] as const) {
    it.each(convolutionCases)(`${provider}: $name`, async (c) => {
      await useReference();
      const expected = differentiate(convolutionProgram(c, false), convolutionInputs(c, 3));
      await useLoweringFor(provider);
      const found = differentiate(convolutionProgram(c, true), convolutionInputs(c, 3));
      for (const error of errors(found, expected)) expect(error).toBeLessThan(1e-5);
    });
  }
});
