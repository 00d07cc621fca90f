// The traps T8 to T11, of tapable; those of tsyringe are beside the scopes. Each test first shows the trap in the library
// itself, then that it is closed here.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesHook } from 'tapable';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { HookTable } from './definitions.js';
import { createHookSet } from './hook-set.js';
import type { HookResult, TapTargets } from './tap-target.js';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const failsWith = (code: string, more: object = {}) => expect.objectContaining({ code, ...more });
const STEP = { run: { id: 'r-1' }, position: { epoch: 0, step: 0 } } as never;

/** A frozen hook set with one setup per plugin id, and the problems of its order. */
function hookSet(plugins: Readonly<Record<string, (hooks: TapTargets) => void>>) {
  const set = createHookSet<unknown>();
  for (const [id, setup] of Object.entries(plugins)) {
    setup(set.targetsFor({ id, names: [id], label: `@test/${id} 1.0.0` }, () => false));
  }
  return { set, problems: set.freeze(new Set(Object.keys(plugins))) };
}

describe('T8: tapable puts a tap before an unknown name at the very front, and knows no unique names', () => {
  it('so core sorts by itself: unknown names and repeated taps are errors', () => {
    const raw = new AsyncSeriesHook<[]>([]);
    raw.tap({ name: 'early', stage: -100 }, () => undefined);
    raw.tap({ name: 'late', stage: 100, before: 'nobody' }, () => undefined);
    raw.tap('early', () => undefined);
    expect(raw.taps.map((tap) => tap.name)).toEqual(['late', 'early', 'early']);

    const { problems } = hookSet({ a: (hooks) => hooks.stepEnd.tap(() => undefined, { before: ['nobody'] }) });
    expect(problems).toMatchObject([{ code: 'DMX_TAP_ORDER', plugin: '@test/a 1.0.0', hook: 'step.end' }]);
    const twice = () =>
      hookSet({
        a: (hooks) => {
          hooks.stepEnd.tap(() => undefined, { id: 'x' });
          hooks.stepEnd.tap(() => undefined, { id: 'x' });
        },
      });
    expect(twice).toThrowError(failsWith('DMX_TAP_TWICE'));
    const { set } = hookSet({
      a: (hooks) => hooks.stepEnd.tap(() => undefined),
      b: (hooks) => hooks.stepEnd.tap(() => undefined),
      c: (hooks) => hooks.stepEnd.tap(() => undefined, { before: ['a', 'b'] }),
    });
    expect(set.list()['step.end']!.map((tap) => tap.plugin)).toEqual(['c', 'a', 'b']);
  });
});

describe('T9: tapable does not say which tap failed, and does not wait for an async function in tap', () => {
  it('so every tap is awaited or refused, and every failure has a name', async () => {
    const raw = new AsyncSeriesHook<[]>([]);
    let finished = false;
    raw.tap('named', async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      finished = true;
    });
    await raw.promise();
    expect(finished).toBe(false);
    const failing = new AsyncSeriesHook<[]>([]);
    failing.tap('culprit', () => {
      throw new Error('no');
    });
    const failure = await failing.promise().then(
      () => null,
      (thrown: Error) => thrown,
    );
    expect(`${failure!.message}${failure!.stack}`).not.toContain('culprit');

    let waited = false;
    const { set } = hookSet({
      slow: (hooks) =>
        hooks.stepEnd.tap(async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          waited = true;
        }),
      plain: (hooks) => hooks.stepEnd.tap(() => undefined),
      culprit: (hooks) =>
        hooks.epochEnd.tap(() => {
          throw new Error('no');
        }),
      tape: (hooks) => hooks.lossTerms.tap((async () => []) as never),
    });
    await set.callers.stepEnd.call({} as never, STEP);
    expect(waited).toBe(true);
    await expect(set.callers.epochEnd.call({} as never, STEP)).rejects.toThrow(
      /@test\/culprit 1\.0\.0 failed in epoch\.end/,
    );
    expect(() => set.callers.lossTerms.call([], STEP)).toThrowError(
      failsWith('DMX_HOOK_ASYNC', { plugin: '@test/tape 1.0.0' }),
    );
  });
});

describe('T10: the types of tapable forget that a bail hook may decide nothing', () => {
  it('so core has its own', async () => {
    const raw = new AsyncSeriesBailHook<[], { readonly stop: true }>([]);
    expectTypeOf(raw.promise()).resolves.toEqualTypeOf<{ readonly stop: true }>();
    expect(await raw.promise()).toBeUndefined();

    type Decision = Awaited<HookResult<HookTable['runShouldStop']>>;
    expectTypeOf<undefined>().toExtend<Decision>();
    const { set } = hookSet({ shy: (hooks) => hooks.runShouldStop.tap(() => undefined) });
    expect(await set.callers.runShouldStop.call({} as never, STEP)).toBeUndefined();
  });
});

describe('T11: tapable generates code, and its parallel hooks leave taps running when one fails', () => {
  it('so it stays in one folder, and a parallel hook ends when all of its taps have ended', async () => {
    const script = "const { SyncHook } = require('tapable'); const h = new SyncHook(); h.tap('a', () => {}); h.call();";
    const strict = spawnSync(process.execPath, ['--disallow-code-generation-from-strings', '-e', script], {
      cwd: packageRoot,
      encoding: 'utf8',
    });
    expect(strict.stderr).toMatch(/Code generation from strings disallowed/);

    const slow = (done: () => void) => async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      done();
    };
    const fail = () => {
      throw new Error('no');
    };
    let rawDone = false;
    const raw = new AsyncParallelHook<[]>([]);
    raw.tapPromise(
      'slow',
      slow(() => (rawDone = true)),
    );
    raw.tapPromise('fails', async () => fail());
    await expect(raw.promise()).rejects.toThrow('no');
    expect(rawDone).toBe(false);

    let done = false;
    const { set } = hookSet({
      slow: (hooks) => hooks.reportEvent.tap(slow(() => (done = true))),
      fails: (hooks) => hooks.reportEvent.tap(fail),
    });
    await expect(set.callers.reportEvent.call({} as never, STEP)).rejects.toMatchObject({
      plugin: '@test/fails 1.0.0',
    });
    expect(done).toBe(true);
  });
});
