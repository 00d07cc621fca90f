import { createCpuBackend } from '@dinomix/backend-cpu';
import type { PassItems } from '@dinomix/core';
import { createOps, createPass, type StudentContext, type TensorMap } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../test/noise.js';
import { buildDualVnet } from './dual-vnet.js';
import { dualOptionsSchema, optionsSchema } from './options.js';
import { buildVnet } from './vnet.js';

const SIZE = { filters: 2, levels: 3, norm: 'instance', dropout: 0 } as const;
let ctx: StudentContext;
beforeAll(async () => {
  await createCpuBackend().setup({ device: 'cpu', threads: null });
  ctx = { id: 'net', ops: createOps(), inputChannels: 1, classCount: 2, patch: [8, 8, 8] };
});

const dual = (average = 0.99) => buildDualVnet(ctx, dualOptionsSchema.parse({ network: SIZE, average }));
const plain = () => buildVnet(ctx, optionsSchema.parse(SIZE));

function weightsOf(network: ReturnType<typeof dual>): TensorMap {
  const entries = network.parameters.map(({ name, shape }, index) => {
    const size = shape.reduce((product, side) => product * side, 1);
    return [name, tf.tensor(Float32Array.from(noise(index + 1, size)), [...shape])] as const;
  });
  return Object.fromEntries(entries);
}

/** The weights of a plain V-Net with the encoder and one decoder of the dual one, ending in one of its heads. */
function partOf(weights: TensorMap, decoder: string, head: string): TensorMap {
  const names = plain().parameters.map(({ name }) => name);
  return Object.fromEntries(
    names.map((name) => {
      const own = name.startsWith('encoder.') ? name : decoder + name.replace(/^output\./, `${head}.`);
      return [name, weights[own]!];
    }),
  );
}

const image = () => tf.tensor(Float32Array.from(noise(99, 3 * 512)), [3, 8, 8, 8, 1]);
const item = (view: PassItems['view'], count: number): PassItems => ({ view, count, logits: true, features: null });
const ITEMS = [item('labelled', 1), item('mixed-unlabelled', 2)];
const run = (weights: TensorMap, items: readonly PassItems[]) =>
  dual().forward(image(), weights, createPass('net', true, tf.zeros([4]), { items }));
const said = (weights: TensorMap, decoder: string, head: string) => {
  const pass = createPass('net', true, tf.zeros([4]));
  return plain()
    .forward(image(), partOf(weights, decoder, head), pass)
    .logits.arraySync() as number[][];
};

describe('the network with two decoders', () => {
  it('has the encoder once and a decoder with two heads twice', () => {
    const count = (specs: readonly { readonly shape: readonly number[] }[]) =>
      specs.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
    const own = plain().parameters;
    const encoder = count(own.filter(({ name }) => name.startsWith('encoder.')));
    const head = 2 * 2 + 2;
    expect(count(dual().parameters)).toBe(encoder + 2 * (count(own) - encoder + head));
  });

  it('says by the first decoder on labelled items and by the second on the others', () => {
    const weights = weightsOf(dual());
    const { logits, heads } = run(weights, ITEMS);
    const [first, second] = [said(weights, 'labelled.', 'output'), said(weights, 'unlabelled.', 'output')];
    expect(logits.arraySync()).toEqual([first[0], second[1], second[2]]);
    expect(heads!.guide!.arraySync()).toEqual(first);
    const [balanced, other] = [said(weights, 'labelled.', 'balanced'), said(weights, 'unlabelled.', 'balanced')];
    expect(heads!.balanced!.arraySync()).toEqual([balanced[0], other[1], other[2]]);
    expect(heads!['guide-balanced']!.arraySync()).toEqual(balanced);
  });

  it('is tested by the main head of the second decoder', () => {
    const weights = weightsOf(dual());
    expect(run(weights, []).logits.arraySync()).toEqual(said(weights, 'unlabelled.', 'output'));
  });

  it('averages the second decoder with the first, then each main head with its balanced one', () => {
    const weights = weightsOf(dual());
    const next = dual(0.75).afterStep!(weights, {} as never);
    const value = (tensors: TensorMap, name: string) => tensors[name]!.dataSync()[0]!;
    const blend = (own: number, other: number) => 0.75 * own + 0.25 * other;
    const inner = 'decoder.1.conv.0.filter';
    expect(value(next, `unlabelled.${inner}`)).toBeCloseTo(
      blend(value(weights, `unlabelled.${inner}`), value(weights, `labelled.${inner}`)),
      6,
    );
    const [h, g] = ['output.bias', 'balanced.bias'];
    const main = blend(value(weights, `unlabelled.${h}`), value(weights, `labelled.${h}`));
    const balanced = blend(value(weights, `unlabelled.${g}`), value(weights, `labelled.${g}`));
    expect(value(next, `unlabelled.${h}`)).toBeCloseTo(blend(main, balanced), 6);
    expect(value(next, `labelled.${h}`)).toBeCloseTo(
      blend(value(weights, `labelled.${h}`), value(weights, `labelled.${g}`)),
      6,
    );
    expect(Object.keys(next).some((name) => name.startsWith('encoder.') || name === `labelled.${inner}`)).toBe(false);
  });
});
