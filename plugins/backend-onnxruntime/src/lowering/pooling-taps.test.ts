import { describe, expect, it } from 'vitest';
import { differentiate, errors, useLoweringFor, useReference } from '../../test/engine-harness.js';
import { poolingCases, poolingInputs, poolingProgram } from '../../test/pooling-cases.js';

describe('pooling as lowered for GPUs, against the CPU backend', () => {
  it.each(poolingCases)('$name', async (c) => {
    await useReference();
    const expected = differentiate(poolingProgram(c), poolingInputs(c));
    await useLoweringFor('webgpu');
    const found = differentiate(poolingProgram(c), poolingInputs(c));
    for (const error of errors(found, expected)) expect(error).toBeLessThan(1e-5);
  });
});
