import '../../../test/backend.js';
import type { NamedTensors, TensorFunction } from '@dinomix/core';
import { clone, keep, mul, type Tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { mixerThat, tinyBackend, tinyLoss, tinyPlugin } from '../../../test/tiny-plugins.js';
import { eventsOf, oneEpoch, tinyRun, weightsAfter } from '../../../test/tiny-run.js';
import type { LossSlot } from '../../types.js';

describe('hooks', () => {
  it('fire in their order', async () => {
    const fired: string[] = [];
    const note = (name: string) => () => void fired.push(name);
    const all = tinyPlugin([], ({ hooks }) => {
      hooks.runStart.tap(note('run.start'));
      hooks.datasetReady.tap(note('dataset.ready'));
      hooks.batchReady.tap(() => void fired.push('batch.ready') as undefined);
      hooks.teacherResolve.tap(() => void fired.push('teacher.resolve') as undefined);
      hooks.teacherPredicted.tap(() => void fired.push('teacher.predicted') as undefined);
      hooks.weightsUpdate.tap(() => void fired.push('weights.update') as undefined);
      hooks.mixerPlan.tap(() => void fired.push('mixer.plan') as undefined);
      hooks.mixerMixed.tap(({ views }) => {
        expect(Object.keys(views)).toEqual(['mixed-labelled', 'mixed-unlabelled']);
        expect(views['mixed-unlabelled']!.target.dtype).toBe('int32');
        fired.push('mixer.mixed');
      });
      hooks.studentForward.tap((_, { view }) => void fired.push(`student.forward ${view}`) as undefined);
      hooks.lossTerms.tap((terms) => void fired.push(`loss.terms ${terms.length}`) as undefined);
      hooks.lossReduce.tap(() => void fired.push('loss.reduce') as undefined);
      hooks.gradientsReady.tap((_, { studentId }) => void fired.push(`gradients.ready ${studentId}`) as undefined);
      hooks.stepEnd.tap(note('step.end'));
      hooks.evalCase.tap(note('eval.case'));
      hooks.epochEnd.tap(note('epoch.end'));
      hooks.runShouldStop.tap(() => void fired.push('run.shouldStop') as undefined);
      hooks.checkpointSave.tap(note('checkpoint.save'));
      hooks.runEnd.tap(note('run.end'));
    });
    const { outcome } = await tinyRun({ more: [all], train: { epochs: 1, stepsPerEpoch: 1 } });
    expect(outcome.error).toBeNull();
    expect(fired).toEqual([
      'run.start',
      'dataset.ready',
      'batch.ready',
      'teacher.resolve',
      'teacher.predicted',
      'mixer.plan',
      'mixer.mixed',
      'student.forward labelled',
      'student.forward mixed-labelled',
      'student.forward mixed-unlabelled',
      'weights.update',
      'loss.terms 2',
      'loss.reduce',
      'gradients.ready net',
      'step.end',
      'eval.case',
      'epoch.end',
      'run.shouldStop',
      'checkpoint.save',
      'eval.case',
      'run.end',
    ]);
  });

  it('change what they get', async () => {
    const seen: number[] = [];
    const change = tinyPlugin([], ({ hooks }) => {
      hooks.weightsUpdate.tap(() => tensor1d([1, 2, 3]));
      hooks.lossTerms.tap((terms) => terms.map((term) => ({ ...term, weight: term.weight * 2 })));
      hooks.gradientsReady.tap((gradients) =>
        Object.fromEntries(Object.keys(gradients).map((name) => [name, mul(gradients[name]!, 0)])),
      );
      hooks.stepEnd.tap(({ classWeights, terms, loss }) => {
        expect(classWeights).toEqual({ net: [1, 2, 3] });
        expect(terms.supervised!.weight).toBe(2);
        const sum = Object.values(terms).reduce((total, { value, weight }) => total + value * weight, 0);
        expect(loss).toBeCloseTo(sum, 5);
        seen.push(loss);
      });
    });
    const { outcome } = await tinyRun(oneEpoch({ more: [change] }));
    expect(outcome.error).toBeNull();
    expect(seen).toHaveLength(3);
  });
});

describe('recording', () => {
  /** A backend that records: it counts recordings and runs, and gives every call to the function that was recorded first. */
  function recorder() {
    const counts = { recorded: 0, ran: 0 };
    const compileStep = (fn: TensorFunction<Tensor>): TensorFunction<Tensor> => {
      counts.recorded++;
      return (inputs: NamedTensors<Tensor>) => {
        counts.ran++;
        return tidy(() => {
          const outputs = fn(inputs);
          const given = new Set(Object.values(inputs));
          for (const value of Object.values(outputs)) {
            expect(given.has(value)).toBe(false);
            keep(value);
          }
          return outputs;
        });
      };
    };
    return { counts, backend: tinyBackend({ compileStep }) };
  }

  it('happens once for all steps, and changes nothing', async () => {
    const { counts, backend } = recorder();
    expect(await weightsAfter({ plugins: { backend } })).toBe(await weightsAfter({}));
    // One graph for the steps, one for the windows of the test case.
    expect(counts.recorded).toBe(2);
  });

  it('happens once for the teachers and once for the rest where the mixer must see pseudo-labels', async () => {
    const { counts, backend } = recorder();
    const mixer = mixerThat(async (facts) => void (await facts.pseudoLabels()));
    await weightsAfter({ plugins: { backend, mixer } });
    expect(counts.recorded).toBe(3);
  });

  it('leaves reports true: what did not enter the graph is that of the step', async () => {
    // A backend that repeats what it recorded first, whatever the inputs.
    const compileStep = (fn: TensorFunction<Tensor>): TensorFunction<Tensor> => {
      let first: NamedTensors<Tensor> | undefined;
      return (inputs) => {
        first ??= tidy(() => fn(inputs));
        return Object.fromEntries(Object.entries(first).map(([name, value]) => [name, clone(value)]));
      };
    };
    const plugins = { backend: tinyBackend({ compileStep }) };
    const { events } = await tinyRun({ plugins, train: { stepsPerEpoch: 1, epochs: 3, validateEvery: 0 } });
    const reports = eventsOf(events, 'step').map(({ report }) => report);
    expect(new Set(reports.map(({ loss }) => loss)).size).toBe(1);
    reports.forEach(({ terms, learningRate }, epoch) => {
      expect(terms.consistency!.weight).toBeCloseTo(Math.exp(-5 * (1 - epoch / 3) ** 2), 12);
      expect(learningRate).toBeCloseTo(0.05 * (1 - epoch / 3) ** 0.9, 12);
    });
  });

  it('is given up as soon as a loss looks at the step, and by hooks in the tape', async () => {
    const { counts, backend } = recorder();
    const plain = tinyLoss(['labelled', 'mixed-labelled']);
    const curious: LossSlot = {
      ...plain,
      evaluate: (input, ctx) => (ctx.host().position.step >= 0 ? plain.evaluate(input, ctx) : null),
    };
    const supervised = tinyPlugin(['loss:supervised'], (api) => api.provide('loss', 'supervised', () => curious));
    expect(await weightsAfter({ plugins: { backend, supervised } })).toBe(await weightsAfter({}));
    expect(counts).toMatchObject({ recorded: 2 });
    const hooked = recorder();
    const tap = tinyPlugin([], (api) => api.hooks.lossTerms.tap(() => undefined));
    await weightsAfter({ plugins: { backend: hooked.backend }, more: [tap] });
    expect(hooked.counts.recorded).toBe(1);
  });
});
