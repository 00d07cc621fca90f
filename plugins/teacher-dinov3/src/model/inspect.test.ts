import { describe, expect, it } from 'vitest';
import { optionsSchema } from '../options.js';
import { type Declared, inspectAnswer, inspectModel } from './inspect.js';

const options = (given: Parameters<typeof optionsSchema.parse>[0] = {}) => optionsSchema.parse(given);
const image: Declared = { name: 'pixel_values', type: 'float32', shape: ['batch_size', 3, 'height', 'width'] };
const tokens: Declared = { name: 'last_hidden_state', type: 'float32', shape: ['batch_size', 'sequence', 384] };
const pooled: Declared = { name: 'pooler_output', type: 'float32', shape: ['batch_size', 384] };
const inspect = (
  inputs: readonly Declared[],
  outputs: readonly Declared[],
  given: Parameters<typeof options>[0] = {},
) => inspectModel(inputs, outputs, options(given), 'model.onnx');

describe('inspectModel', () => {
  it('reads the usual export', () => {
    expect(inspect([image], [tokens, pooled])).toEqual({
      input: 'pixel_values',
      inputType: 'float32',
      output: 'last_hidden_state',
      layout: 'tokens',
      fixedSides: null,
      fixedBatch: null,
    });
  });

  it('reads an export of patch tokens with fixed sizes', () => {
    const fixed = { ...image, shape: [1, 3, 224, 224] };
    const patches: Declared = { name: 'anything', type: 'float32', shape: [1, 196, 384] };
    expect(inspect([fixed], [patches])).toMatchObject({ output: 'anything', fixedSides: [224, 224], fixedBatch: 1 });
  });

  it('takes the output that is named, also a map', () => {
    const map: Declared = { name: 'stage3', type: 'float32', shape: ['b', 384, 'h', 'w'] };
    expect(inspect([image], [tokens, map], { output: 'stage3' })).toMatchObject({ output: 'stage3', layout: 'map' });
  });

  it.each<[string, readonly Declared[], readonly Declared[], Parameters<typeof options>[0], string]>([
    [
      'two inputs',
      [image, { name: 'mask', type: 'bool', shape: ['b', 'n'] }],
      [tokens],
      {},
      'Found pixel_values: float32 [batch_size, 3, height, width]; mask: bool [b, n]',
    ],
    [
      'an input of another name',
      [image],
      [tokens],
      { input: 'image' },
      'Expected one image input, float32 or float16 [batch, 3, height, width]',
    ],
    ['one colour', [{ ...image, shape: ['b', 1, 28, 28] }], [tokens], {}, 'Found pixel_values: float32 [b, 1, 28, 28]'],
    ['whole numbers', [{ ...image, type: 'uint8' }], [tokens], {}, 'Take an export with float inputs'],
    ['tokens of another type', [image], [{ ...tokens, type: 'bfloat16' }], {}, 'Found last_hidden_state: bfloat16'],
    [
      'a classifier',
      [image],
      [pooled],
      {},
      'Expected an output with tokens, float32 or float16 [batch, tokens, channels]',
    ],
    [
      'a segmentation map',
      [image],
      [{ name: 'map', type: 'float32', shape: ['b', 1, 'h', 'w'] }],
      {},
      'Found map: float32 [b, 1, h, w]',
    ],
    [
      'two unnamed token outputs',
      [image],
      [
        { ...tokens, name: 'a' },
        { ...tokens, name: 'b' },
      ],
      {},
      'Name the output to distil',
    ],
    ['an unknown output', [image], [tokens], { output: 'stage3' }, 'Expected the output "stage3"'],
    [
      'a vector as output',
      [image],
      [tokens, pooled],
      { output: 'pooler_output' },
      'Found pooler_output: float32 [batch_size, 384]',
    ],
  ])('refuses %s and says what was expected and found', (_, inputs, outputs, given, message) => {
    expect(() => inspect(inputs, outputs, given)).toThrow('"model.onnx" is not a DINOv3-like model');
    expect(() => inspect(inputs, outputs, given)).toThrow(message);
  });
});

describe('inspectAnswer', () => {
  const contract = inspect([image], [tokens]);
  const answer = (dims: readonly number[], given: Parameters<typeof options>[0] = {}) =>
    inspectAnswer(dims, [224, 224], contract, options(given), 'model.onnx');

  it('counts CLS and registers', () => {
    // 224 / 16 = 14 patches a side: 201 = 1 + 4 + 196.
    expect(answer([1, 201, 384])).toEqual({ rows: 14, columns: 14, prefix: 5, channels: 384 });
    expect(answer([1, 196, 384]).prefix).toBe(0);
    // DINOv2: patches of 14, 16 a side, CLS alone.
    expect(answer([1, 257, 384], { patchSize: 14 })).toEqual({ rows: 16, columns: 16, prefix: 1, channels: 384 });
  });

  it('reads a map as it is', () => {
    expect(inspectAnswer([1, 384, 7, 9], [224, 288], { ...contract, layout: 'map' }, options(), 'x')).toEqual({
      rows: 7,
      columns: 9,
      prefix: 0,
      channels: 384,
    });
  });

  it('refuses counts that are no grid of patches', () => {
    expect(() => answer([1, 50, 768])).toThrow(
      'with 50 tokens in "last_hidden_state"\n  why  Expected 196: 14x14 patches of 16 pixels, and 0 or 1 or 5 before them',
    );
    expect(() => answer([1, 201, 384], { prefixTokens: 1 })).toThrow(
      'Expected 196: 14x14 patches of 16 pixels, and 1 before them',
    );
    // DINOv2 with registers, 1 + 4 + 16 * 16, taken for a model with patches of 16.
    expect(() => answer([1, 261, 384])).toThrow('and 0 or 1 or 5 before them');
    expect(answer([1, 261, 384], { prefixTokens: 65 }).prefix).toBe(65);
  });
});
