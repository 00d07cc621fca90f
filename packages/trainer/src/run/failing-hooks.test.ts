import '../../test/backend.js';
import { HOOK_NAMES, HOOKS, type HookName, type RunEvent } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { tinyHost } from '../../test/tiny-host.js';
import { tinyPlugin } from '../../test/tiny-plugins.js';
import { eventsOf, newFolder, tinyRun } from '../../test/tiny-run.js';

/** A plugin that throws in one hook. */
function thrower(name: HookName, id = 'thrower') {
  const fail = (): never => {
    throw new Error('on purpose');
  };
  return tinyPlugin([], ({ hooks }) => (hooks[name].tap as (tap: () => never) => void)(fail), id);
}

const named = (name: HookName) => ({ code: 'DMX_HOOK_FAILED', plugin: 'thrower 1.0.0', hook: HOOKS[name].name });
const short = { train: { epochs: 1, stepsPerEpoch: 1 } };
/** Hooks that fire before a run exists, when one is resumed, and when it is over: each has a test of its own below. */
const elsewhere: readonly HookName[] = [
  'configModify',
  'configResolved',
  'checkpointLoad',
  'runError',
  'runEnd',
  'reportEvent',
];

describe('a plugin that throws', () => {
  it.each(HOOK_NAMES.filter((name) => !elsewhere.includes(name)))('in %s ends the run and is named', async (name) => {
    const { outcome } = await tinyRun({ ...short, more: [thrower(name)] });
    expect(outcome).toMatchObject({ status: 'failed', error: named(name) });
    expect(outcome.reason).toContain('on purpose');
  });

  it.each(['configModify', 'configResolved'] as const)('in %s keeps the host from being made', async (name) => {
    await expect(tinyHost({ ...short, more: [thrower(name)] })).rejects.toMatchObject(named(name));
  });

  it('in checkpointLoad ends the resumed run', async () => {
    const directory = await newFolder();
    const stop = new AbortController();
    const onEvent = ({ type }: RunEvent): void => {
      if (type === 'step') stop.abort();
    };
    const given = { more: [thrower('checkpointLoad')] };
    await tinyRun(given, { directory, signal: stop.signal, onEvent });
    const { outcome } = await tinyRun(given, { directory, resume: true });
    expect(outcome).toMatchObject({ status: 'failed', error: named('checkpointLoad') });
  });

  it('in reportEvent ends the run: a tap that cannot follow is not a reporter that can be left out', async () => {
    const { outcome } = await tinyRun({ ...short, more: [thrower('reportEvent')] });
    expect(outcome).toMatchObject({ status: 'failed', error: named('reportEvent') });
  });

  it('in runError does not hide the first failure', async () => {
    const both = [thrower('stepEnd'), thrower('runError', 'other')];
    const { outcome } = await tinyRun({ ...short, more: both });
    expect(outcome).toMatchObject({ status: 'failed', error: named('stepEnd') });
    expect(outcome.reason).toContain('other 1.0.0 failed in run.error');
  });

  it('in runEnd makes a failure of a run that was complete', async () => {
    const { outcome, events } = await tinyRun({ ...short, more: [thrower('runEnd')] });
    expect(outcome).toMatchObject({ status: 'failed', error: named('runEnd') });
    expect(eventsOf(events, 'run.end')[0]!.outcome.status).toBe('completed');
  });
});
