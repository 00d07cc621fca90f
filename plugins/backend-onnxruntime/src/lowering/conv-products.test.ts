import { describe, expect, it } from 'vitest';
import { convolutionCases, convolutionInputs, convolutionProgram } from '../../test/convolution-cases.js';
import { differentiate, errors, useLoweringFor, useReference } from '../../test/engine-harness.js';

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
