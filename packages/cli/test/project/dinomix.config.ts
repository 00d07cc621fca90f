import {
  type DataProblem,
  defineConfig,
  definePlugin,
  type Executor,
  type RunEvent,
  type RunOutcome,
} from '@dinomix/core';
import { writeSpec } from '@dinomix/trainer';
import { z } from 'zod';

const time = '2026-01-01T00:00:00.000Z';
const position = (step: number) => ({ epoch: 0, step, stepInEpoch: step, epochs: 1, stepsPerEpoch: 3 });

function stepEvent(step: number): RunEvent {
  const report = {
    position: position(step),
    loss: 1.5 - step / 4,
    terms: { 'dice-ce': { value: 1.25, weight: 1, parts: {} } },
    learningRate: 0.1,
    stepMs: 2000,
    classWeights: {},
    pseudoDice: { net: [null, 0.504, null] },
    targetVoxels: { truth: [], pseudo: [] },
    reports: {},
  };
  return { time, type: 'step', report };
}

function outcome(status: RunOutcome['status'], step: number): RunOutcome {
  const error = status === 'failed' ? { code: 'DMX_TEST', summary: 's', why: 'w', fix: 'f' } : null;
  return {
    status,
    reason: 'because',
    position: position(step),
    error,
    seconds: 200,
    peakMb: 123.4,
    fallbackKernels: {},
  };
}

/** Makes three steps that take no time and ends as its option says. */
function createScripted(end: 'completed' | 'failed' | 'waits'): Executor {
  return {
    async run(spec, { signal, onEvent }) {
      const { resume } = spec;
      if (!resume) await writeSpec(spec);
      for (let step = resume ? 2 : 0; step < 3; step++) onEvent(stepEvent(step));
      if (end !== 'waits') return outcome(end, 2);
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
      onEvent({ time, type: 'warning', message: 'waiting', plugin: null });
      await aborted;
      return outcome('interrupted', 2);
    },
  };
}

const problems: readonly DataProblem[] = [
  { severity: 'warning', file: 'a.nii', caseId: 'a', message: 'odd spacing', fix: 'look at it' },
  { severity: 'error', file: 'b.nii', caseId: null, message: 'cut off', fix: 'fetch it again' },
];

const refuse = (): never => {
  throw new Error('not part of this test');
};

const parts = definePlugin({
  name: 'parts',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['executor:scripted', 'backend:none', 'dataset:listed', 'student:net', 'loss:dice-ce'],
  options: z.strictObject({
    end: z.enum(['completed', 'failed', 'waits']).default('completed'),
    clean: z.boolean().default(false),
  }),
  setup(api, { end, clean }) {
    api.provide('executor', 'scripted', () => createScripted(end));
    api.provide('backend', 'none', refuse);
    api.provide('student', 'net', refuse);
    api.provide('loss', 'dice-ce', refuse);
    api.provide('dataset', 'listed', () => ({
      title: 'Listed',
      classes: [],
      splits: { labelled: [], unlabelled: [], validation: [], test: [] },
      preprocessing: {
        orientation: 'keep' as const,
        grid: { kind: 'keep' as const },
        normalisation: { steps: [], display: [0, 1] as const },
      },
      sampling: { foreground: 0, upperOffset: 'inclusive' as const, flips: [], padValue: 0 },
      workerSource: { module: '', export: '', options: {} },
      licence: 'none',
      readCase: refuse,
      fingerprint: refuse,
      async *check() {
        if (!clean) yield* problems;
      },
    }));
  },
});

export default defineConfig({ name: 'scripted', plugins: [parts()] });
