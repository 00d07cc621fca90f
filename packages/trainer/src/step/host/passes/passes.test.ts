import '../../../../test/backend.js';
import type { NamedTensors, TensorFunction } from '@dinomix/core';
import { add, keep, memory, mul, softmax, square, sum, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compared, drive, joined, LOSSES, type PassSetting } from '../../../../test/pass-runner.js';
import { tinyEma, tinyLoss, tinyPlugin } from '../../../../test/tiny-plugins.js';
import type { LossSlot, TeacherSlot } from '../../../types.js';

const MODES = ['by-view', 'by-crop'] as const;

async function run(setting: PassSetting, steps = 4) {
  const driven = await drive(setting);
  const before = memory().numTensors;
  const reports = await driven.steps(steps);
  expect(memory().numTensors).toBe(before);
  const found = { reports, values: await driven.values() };
  await driven.dispose();
  return found;
}

type Found = Awaited<ReturnType<typeof run>>;

/**
 * Sums of float32 in another order: over at most 256 voxels of about 1, a few units in the last place (6e-8) each, carried
 * through four steps.
 */
const ROUNDING = 5e-6;

function expectSame(found: Found, expected: Found): void {
  expect(Object.keys(found.values)).toEqual(Object.keys(expected.values));
  for (const [name, values] of Object.entries(expected.values)) {
    values.forEach((value, index) => {
      expect(Math.abs(found.values[name]![index]! - value), name).toBeLessThan(ROUNDING);
    });
  }
  found.reports.forEach((report, step) => {
    const one = expected.reports[step]!;
    expect(report.loss).toBeCloseTo(one.loss, 5);
    expect(Object.keys(report.terms)).toEqual(Object.keys(one.terms));
    for (const [id, { value, weight, parts }] of Object.entries(one.terms)) {
      expect(report.terms[id]!.value).toBeCloseTo(value, 5);
      expect(report.terms[id]!.weight).toBe(weight);
      for (const [part, number] of Object.entries(parts)) expect(report.terms[id]!.parts[part]).toBeCloseTo(number, 5);
    }
    expect(report.pseudoDice).toEqual(one.pseudoDice);
    expect(report.targetVoxels).toEqual(one.targetVoxels);
  });
}

describe.each(MODES)('without shared statistics and dropout, passes %s', (passes) => {
  it('give the weights and numbers of one pass, whatever losses do with several views', async () => {
    const together = await run({ passes: 'together' });
    expect(new Set(Object.keys(together.reports[0]!.terms))).toEqual(new Set(Object.keys(LOSSES)));
    expectSame(await run({ passes }), together);
    expect(together.values['student/net/loss/joined/steps']).toEqual([4]);
  });

  it('with several students that teach each other', async () => {
    const peer: TeacherSlot = {
      kind: 'peer',
      traceable: true,
      produces: { probabilities: true, tokens: false },
      looksAt: ['labelled', 'unlabelled'],
      provenance: null,
      predict: (parts, { students }) => {
        const said = (image: Tensor, index: number) => {
          const { model, weights, pass } = students[index]!;
          return softmax(model.forward(image, weights, pass(true)).logits);
        };
        const answers = Object.entries(parts).map(([part, { image }]) => [
          part,
          { probabilities: { a: said(image, 1), b: said(image, 0) } },
        ]);
        return Object.fromEntries(answers);
      },
    };
    const losses = { consistency: tinyLoss(['labelled', 'unlabelled'], true), compared };
    const setting = { students: ['a', 'b'], teacher: peer, losses, mixed: false };
    expectSame(await run({ ...setting, passes }), await run({ ...setting, passes: 'together' }));
  });

  it('with hooks in the tape and at the gradients', async () => {
    const fired: string[] = [];
    const hooks = [
      tinyPlugin([], (api) => {
        api.hooks.studentForward.tap(({ logits, features }, { view }) => {
          fired.push(`forward ${view}`);
          return {
            logits: mul(logits, view === 'labelled' ? 0.5 : 2),
            features: { ...features, hidden: features.wide! },
          };
        });
        api.hooks.lossTerms.tap((terms) => terms.map((term) => ({ ...term, weight: 3 * term.weight })));
        api.hooks.lossReduce.tap((terms) => {
          fired.push('reduce');
          const squares = terms.map(({ value, weight }) => square(mul(value, weight)));
          return { value: squares.reduce((total, one) => add(total, one)) };
        });
        api.hooks.gradientsReady.tap((gradients) => {
          fired.push('gradients');
          return Object.fromEntries(Object.entries(gradients).map(([name, value]) => [name, mul(value, 0.1)]));
        });
      }),
    ];
    const together = await run({ passes: 'together', hooks }, 2);
    const each = fired.splice(0);
    expectSame(await run({ passes, hooks }, 2), together);
    expect(fired).toEqual(each);
  });
});

describe('features', () => {
  it('that no loss reads are not kept from pass to loss', async () => {
    const names = new Set<string>();
    const compileStep = (fn: TensorFunction<Tensor>) => (inputs: NamedTensors<Tensor>) => {
      for (const name of Object.keys(inputs)) if (name.startsWith('said/')) names.add(name.split('/').at(-1)!);
      return tidy(() => {
        const outputs = fn(inputs);
        for (const value of Object.values(outputs)) keep(value);
        return outputs;
      });
    };
    await run({ passes: 'by-view', session: { compileStep } });
    expect(names).toEqual(new Set(['logits', 'hidden']));
  });

  it('may be read from some step on, which the loss tells by looking at the position', async () => {
    const late: LossSlot = {
      ...joined,
      evaluate: (input, ctx) => (ctx.host().position.step < 2 ? null : joined.evaluate(input, ctx)),
    };
    const losses = { supervised: LOSSES.supervised!, late };
    const together = await run({ passes: 'together', losses });
    expect(together.reports.map(({ terms }) => 'late' in terms)).toEqual([false, false, true, true]);
    expectSame(await run({ passes: 'by-view', losses }), together);
  });

  it('read by a loss that did not say so are refused with its name', async () => {
    let calls = 0;
    const sly: LossSlot = { ...joined, evaluate: (input, ctx) => (calls++ < 2 ? null : joined.evaluate(input, ctx)) };
    const driven = await drive({ passes: 'by-view', losses: { supervised: LOSSES.supervised!, sly } });
    await driven.steps(1);
    await expect(driven.steps(1)).rejects.toMatchObject({
      code: 'DMX_PLUGIN_FAILED',
      message: expect.stringMatching(/loss:sly[\s\S]*the feature "hidden" of student "net" was not read/),
    });
    await driven.dispose();
  });
});

describe('a step that fails', () => {
  it('for a loss that is not finite leaves weights and tensors as they were', async () => {
    const broken: LossSlot = {
      ...compared,
      evaluate: (input, ctx) => ({ value: mul(compared.evaluate(input, ctx)!.value, Number.POSITIVE_INFINITY) }),
    };
    const driven = await drive({ passes: 'by-view', losses: { broken } });
    const [before, tensors] = [await driven.values(), memory().numTensors];
    await expect(driven.steps(1)).rejects.toMatchObject({ code: 'DMX_LOSS_NOT_FINITE' });
    expect(await driven.values()).toEqual(before);
    expect(memory().numTensors).toBe(tensors);
    await driven.dispose();
  });

  it('for want of a gradient names the student', async () => {
    const constant: LossSlot = { ...compared, evaluate: () => ({ value: sum([1]) }) };
    const driven = await drive({ passes: 'by-view', losses: { constant } });
    const tensors = memory().numTensors;
    await expect(driven.steps(1)).rejects.toMatchObject({ code: 'DMX_GRADIENT_NONE' });
    expect(memory().numTensors).toBe(tensors);
    await driven.dispose();
  });
});

it('a run whose students see one view is one pass, to the bit', async () => {
  const setting = { losses: { supervised: tinyLoss(['labelled']) }, network: { norm: 'batch', dropout: 0.3 } } as const;
  const [one, other] = [await run({ ...setting, passes: 'together' }), await run({ ...setting, passes: 'by-view' })];
  expect(other.values).toEqual(one.values);
  expect((await run({ ...setting, passes: 'by-crop' })).values).not.toEqual(one.values);
});

it('a step recorded and replayed has the same bits as one traced each time', async () => {
  const compileStep = (fn: TensorFunction<Tensor>) => (inputs: NamedTensors<Tensor>) =>
    tidy(() => {
      const outputs = fn(inputs);
      const taken = new Set(Object.values(inputs).map(({ dataId }) => dataId));
      for (const value of Object.values(outputs)) {
        // What an engine asks of a recorded function: each output is computed by it, and once.
        expect(taken.has(value.dataId)).toBe(false);
        taken.add(value.dataId);
        keep(value);
      }
      return outputs;
    });
  const network = { norm: 'batch', dropout: 0.3 } as const;
  const [traced, recorded] = [
    await run({ passes: 'by-view', network, teacher: tinyEma() }),
    await run({ passes: 'by-view', network, teacher: tinyEma(), session: { compileStep } }),
  ];
  expect(recorded.values).toEqual(traced.values);
});
