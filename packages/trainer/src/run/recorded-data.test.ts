import '../../test/backend.js';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaseDigests, Dataset } from '@dinomix/core';
import { expect, it } from 'vitest';
import { tinyDataset } from '../../../data/test/tiny-dataset.js';
import { tinyHost } from '../../test/tiny-host.js';
import { tinyData, tinyPlugin } from '../../test/tiny-plugins.js';
import { eventsOf, tinyRun } from '../../test/tiny-run.js';
import { evaluateRun } from '../trained/evaluate-run.js';

type Splits = Dataset['splits'];

/** A data set that splits itself, and can be given a split. */
function splitting(splits: Partial<Splits>, more: Partial<Dataset> = {}) {
  const data: Dataset = {
    ...tinyDataset({ splits }),
    withSplit: ({ splits }) => tinyDataset({ splits }),
    ...more,
  };
  return tinyPlugin(['dataset:tiny'], (api) => api.provide('dataset', 'tiny', () => data));
}

const BEFORE = { labelled: ['l0', 'l1', 'l2'], validation: ['v0'], test: ['t0'] };
// As a split that is drawn anew once a case came: two parts exchange cases.
const AFTER = { labelled: ['l0', 'l1', 't0'], validation: ['v0'], test: ['l2', 'new'] };
const stopped = () => {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onEvent: ({ type }: { readonly type: string }) => {
      if (type === 'epoch') controller.abort(new Error('stop'));
    },
  };
};
const warnings = (events: Parameters<typeof eventsOf>[0]) => eventsOf(events, 'warning').map(({ message }) => message);

it('keeps the split of the record on resume and in an evaluation, and tells which cases came', async () => {
  const dataset = splitting(BEFORE);
  const { directory, outcome } = await tinyRun({ plugins: { dataset } }, stopped());
  expect(outcome.status).toBe('interrupted');
  const plugins = { dataset: splitting(AFTER) };
  const resumed = await tinyRun({ plugins }, { directory, resume: true });
  expect(resumed.outcome).toMatchObject({ status: 'completed', error: null });
  expect(warnings(resumed.events)[0]).toMatch(/^"new" came to the data set after the run began and is left out/);
  expect(
    eventsOf(resumed.events, 'evaluation')
      .at(-1)!
      .report.cases.map(({ caseId }) => caseId),
  ).toEqual(['t0']);
  await using host = await tinyHost({ plugins });
  const given = { role: 'test', checkpoint: 'best', writePredictions: false } as const;
  const heard = { signal: new AbortController().signal, onEvent: () => undefined, onClasses: () => undefined };
  const { cases } = await evaluateRun({ host, id: 'run', directory, ...given, ...heard });
  expect(cases.map(({ caseId }) => caseId)).toEqual(['t0']);
});

it('writes into an evaluation which files it compared with', async () => {
  const digests = { l0: { image: 'i', label: 'l' }, t0: { image: 'i0', label: 'before' } };
  const marked = (cases: Record<string, CaseDigests>) =>
    splitting(BEFORE, { fingerprint: async () => ({ digest: 'd', cases }) });
  const { directory, events } = await tinyRun({ plugins: { dataset: marked(digests) } });
  const trained = eventsOf(events, 'evaluation').at(-1)!.report;
  expect(trained.data).toEqual({ digest: 'd', cases: { t0: { image: 'i0', label: 'before' } } });
  const corrected = { ...digests, t0: { image: 'i0', label: 'after' } };
  const given = { role: 'test', checkpoint: 'best', writePredictions: false } as const;
  const heard = { signal: new AbortController().signal, onEvent: () => undefined, onClasses: () => undefined };
  const dataset = splitting(BEFORE, {
    fingerprint: async () => ({ digest: 'e', cases: corrected }),
    withSplit: () => ({
      ...tinyDataset({ splits: BEFORE }),
      fingerprint: async () => ({ digest: 'e', cases: corrected }),
    }),
  });
  await using host = await tinyHost({ plugins: { dataset } });
  const evaluated = await evaluateRun({ host, id: 'run', directory, ...given, ...heard });
  expect(evaluated.data).toEqual({ digest: 'e', cases: { t0: corrected.t0 } });
});

it('refuses a data set that is split anew or means something else', async () => {
  const { directory } = await tinyRun({ plugins: { dataset: splitting(BEFORE) } }, stopped());
  const failed = async (dataset: ReturnType<typeof splitting>) => {
    const { outcome } = await tinyRun({ plugins: { dataset } }, { directory, resume: true });
    return outcome.error;
  };
  const fixed = tinyData({ splits: AFTER });
  expect(await failed(fixed)).toMatchObject({ code: 'DMX_RUN_DATA', why: expect.stringContaining('split is another') });
  const { classes } = tinyDataset();
  const turned = classes.map((one, index) => ({ ...one, name: classes[[0, 2, 1][index]!]!.name }));
  expect(await failed(splitting(BEFORE, { classes: turned }))).toMatchObject({
    code: 'DMX_RUN_DATA',
    why: 'Its classes are background, core, box now, and were background, box, core.',
  });
  const steps = [{ kind: 'min-max' }] as const;
  const preprocessing = { ...tinyDataset().preprocessing, normalisation: { steps, display: [0, 1] as const } };
  expect(await failed(splitting(BEFORE, { preprocessing }))).toMatchObject({ code: 'DMX_RUN_DATA' });
});

it('refuses to resume on other data where the record does not tell which they were', async () => {
  const digests: Record<string, CaseDigests> = {};
  const marked = (digest: string) => splitting(BEFORE, { fingerprint: async () => ({ digest, cases: digests }) });
  const { directory } = await tinyRun({ plugins: { dataset: marked('one') } }, stopped());
  await rm(join(directory, 'record.json'));
  const { outcome } = await tinyRun({ plugins: { dataset: marked('two') } }, { directory, resume: true });
  expect(outcome.error).toMatchObject({ code: 'DMX_RUN_RECORD' });
});
