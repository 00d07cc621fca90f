import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { layOut, parametersOf } from './architecture.js';
import { optionsSchema } from './options.js';

const options = (given: Parameters<typeof optionsSchema.parse>[0] = {}) => optionsSchema.parse(given);

function trainableCount(given: Parameters<typeof optionsSchema.parse>[0], classes: number): number {
  const parsed = options(given);
  return parametersOf(layOut(parsed, 1, classes), parsed)
    .filter(({ trainable }) => trainable)
    .reduce((total, { shape }) => total + shape.reduce((product, side) => product * side, 1), 0);
}

describe('parameters', () => {
  // Counts of method.md §2.5, and of the PyTorch twin of test/make-fixtures.py.
  const twin = JSON.parse(readFileSync(new URL('../test/fixtures/twin.json', import.meta.url), 'utf8')) as {
    parameters: Record<string, number>;
  };

  it('are as many as in the benchmark', () => {
    expect(trainableCount({}, 14)).toBe(37_778_126);
    expect(trainableCount({}, 16)).toBe(37_778_192);
    expect(trainableCount({ filters: 16 }, 14)).toBe(twin.parameters['14 at 16']);
    expect(trainableCount({ filters: 16 }, 14) / 1e6).toBeCloseTo(9.45, 2);
    expect([twin.parameters['14'], twin.parameters['16']]).toEqual([37_778_126, 37_778_192]);
  });

  it('divide into encoder and decoder as in the benchmark', () => {
    const parsed = options();
    const count = (prefix: RegExp): number =>
      parametersOf(layOut(parsed, 1, 14), parsed)
        .filter(({ name, trainable }) => trainable && prefix.test(name))
        .reduce((total, { shape }) => total + shape.reduce((product, side) => product * side, 1), 0);
    expect(count(/^encoder/)).toBe(29_495_296);
    expect(count(/^(decoder|output)/)).toBe(8_282_830);
  });

  it('have unique names, and no buffer decays or trains', () => {
    const parsed = options();
    const specs = parametersOf(layOut(parsed, 1, 14), parsed);
    expect(new Set(specs.map(({ name }) => name)).size).toBe(specs.length);
    const buffers = specs.filter(({ trainable }) => !trainable);
    expect(buffers.every(({ decay, name }) => !decay && /\.(mean|variance)$/.test(name))).toBe(true);
    // One pair for each of the 21 convolutions, 4 down and 4 up.
    expect(buffers).toHaveLength(2 * (12 + 9 + 4 + 4));
  });

  it('start as in the benchmark', () => {
    const parsed = options();
    const specs = parametersOf(layOut(parsed, 1, 14), parsed);
    const find = (name: string) => specs.find((spec) => spec.name === name);
    // torch.nn.init.kaiming_normal_ on [64, 64, 3, 3, 3], and PyTorch's default for ConvTranspose3d(64, 32, 2):
    // kaiming_uniform_(a=√5) has bound 1 / √fan with fan = 32 · 8.
    expect(find('encoder.2.conv.1.filter')).toMatchObject({
      shape: [3, 3, 3, 64, 64],
      initializer: { kind: 'kaiming-normal', fanIn: 64 * 27, slope: 0 },
    });
    expect(find('decoder.1.up.filter')).toMatchObject({
      shape: [2, 2, 2, 32, 64],
      initializer: { kind: 'uniform', bound: 1 / 16 },
    });
    expect(find('encoder.2.conv.1.bias')?.initializer).toEqual({ kind: 'uniform', bound: 1 / Math.sqrt(64 * 27) });
  });

  it('decay everywhere as in PyTorch, or filters alone', () => {
    const decaying = (decay: 'all' | 'filters') => {
      const parsed = options({ decay });
      return parametersOf(layOut(parsed, 1, 2), parsed).filter((spec) => spec.decay);
    };
    expect(decaying('filters').every(({ name }) => name.endsWith('.filter'))).toBe(true);
    expect(decaying('all').some(({ name }) => name.endsWith('.offset'))).toBe(true);
  });
});

describe('stages', () => {
  it('have the channels and strides of method.md §2.5', () => {
    const { stages } = layOut(options(), 1, 14);
    expect(stages.map(({ feature, channels, stride }) => [feature, channels, stride])).toEqual([
      ['x1', 32, 1],
      ['x2', 64, 2],
      ['x3', 128, 4],
      ['x4', 256, 8],
      ['x5', 512, 16],
      ['x6', 256, 8],
      ['x7', 128, 4],
      ['x8', 64, 2],
      ['x9', 32, 1],
    ]);
    expect(stages.map(({ convs }) => convs.length)).toEqual([1, 2, 3, 3, 3, 3, 3, 2, 1]);
    expect(stages.map(({ skip }) => skip)).toEqual([null, null, null, null, null, 'x4', 'x3', 'x2', 'x1']);
    expect(stages.filter(({ dropout }) => dropout).map(({ feature }) => feature)).toEqual(['x5', 'x9']);
  });
});

describe('options', () => {
  const messages = (given: unknown): string =>
    optionsSchema
      .safeParse(given)
      .error!.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
      .join('\n');

  it('are refused where they contradict each other', () => {
    expect(messages({ levels: 3, encoderConvs: [1, 2] })).toContain('encoderConvs: Expected 3 numbers');
    expect(messages({ levels: 3, decoderConvs: [1] })).toContain('decoderConvs: Expected 2 numbers');
    expect(messages({ filters: 8, norm: 'group' })).toContain('groups: Expected a divisor of the 8 filters; found 16');
    expect(messages({ levels: 3, dropoutAt: ['x6'] })).toContain('dropoutAt: Expected features from x1 to x5');
    expect(messages({ filter: 8 })).toContain('Unrecognized key');
  });

  it('put the dropout of fewer levels at the coarsest and the last feature', () => {
    expect(options({ levels: 3 })).toMatchObject({
      encoderConvs: [1, 2, 3],
      decoderConvs: [2, 1],
      dropoutAt: ['x3', 'x5'],
    });
  });
});
