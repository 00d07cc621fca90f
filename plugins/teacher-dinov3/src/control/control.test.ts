import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { largestDifference, REFERENCE, wave } from '../../test/reference.js';
import { buildControl } from './control.js';

const session = await InferenceSession.create(await buildControl(REFERENCE.size));

describe('the random network', () => {
  it.each(REFERENCE.answers)('answers $shape as transformers’ DINOv3ViTModel with its weights', async (answer) => {
    const pixels = wave(answer.shape.reduce((product, side) => product * side, 1));
    const { last_hidden_state, pooler_output } = await session.run({
      pixel_values: new Tensor('float32', pixels, answer.shape),
    });
    expect(last_hidden_state!.dims).toEqual(answer.dims);
    expect(largestDifference(last_hidden_state!.data as Float32Array, answer.tokens)).toBeLessThan(1e-5);
    expect(largestDifference(pooler_output!.data as Float32Array, answer.pooled)).toBeLessThan(1e-5);
  });

  it('has the inputs and outputs of the usual exports, with free sizes', () => {
    expect(session.inputMetadata).toMatchObject([
      { name: 'pixel_values', type: 'float32', shape: ['batch', 3, 'height', 'width'] },
    ]);
    expect(session.outputNames).toEqual(['last_hidden_state', 'pooler_output']);
  });

  it('is the same for the same seed and another for another', async () => {
    const bytes = async (seed: number): Promise<Buffer> => Buffer.from(await buildControl({ ...REFERENCE.size, seed }));
    expect((await bytes(3)).equals(await bytes(3))).toBe(true);
    expect((await bytes(3)).equals(await bytes(4))).toBe(false);
  });
});
