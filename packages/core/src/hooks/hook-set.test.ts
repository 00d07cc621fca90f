import { describe, expect, it } from 'vitest';
import { dmxError } from '../errors/codes.js';
import type { StepContext } from '../slots/contracts/common.js';
import type { MixPlan } from '../slots/contracts/mixer.js';
import { createHookSet, type HookSet } from './hook-set.js';
import type { TapTargets } from './tap-target.js';

const PLAN: MixPlan = { donors: [], labelled: [], unlabelled: [], pseudoWeight: 1 };
const CONTEXT = {
  run: { id: 'r-1', seed: 0, directory: '/runs/r-1', configHash: '' },
  position: { epoch: 3, step: 120, stepInEpoch: 0, epochs: 10, stepsPerEpoch: 40 },
} as unknown as StepContext;

/** A hook set with one plugin per entry, frozen. */
function setUp(plugins: Readonly<Record<string, (hooks: TapTargets) => void>>): HookSet<unknown> {
  const set = createHookSet<unknown>();
  for (const [id, setup] of Object.entries(plugins)) {
    setup(set.targetsFor({ id, names: [id], label: `@x/${id} 1.2.0` }, () => false));
  }
  expect(set.freeze(new Set(Object.keys(plugins)))).toEqual([]);
  return set;
}

const mixerPlan = (set: HookSet<unknown>, plan = PLAN) => set.callers.mixerPlan.call(plan, CONTEXT as never);

describe('waterfalls', () => {
  it('hand the value on, and undefined leaves it', async () => {
    const set = setUp({
      half: (hooks) => hooks.mixerPlan.tap((plan) => ({ ...plan, pseudoWeight: plan.pseudoWeight / 2 })),
      quiet: (hooks) => hooks.mixerPlan.tap(() => undefined),
      late: (hooks) => hooks.mixerPlan.tap(async (plan) => ({ ...plan, pseudoWeight: plan.pseudoWeight + 1 })),
    });
    expect((await mixerPlan(set)).pseudoWeight).toBe(1.5);
  });

  it('give the value back when nobody taps', async () => {
    const set = setUp({});
    expect(set.callers.mixerPlan.isUsed()).toBe(false);
    expect(await mixerPlan(set)).toBe(PLAN);
    const output = { logits: 1, features: {} };
    expect(set.callers.studentForward.call(output, CONTEXT as never)).toBe(output);
  });

  it('refuse null with DMX_HOOK_NULL, where tapable would take it for the value', async () => {
    const set = setUp({ nil: (hooks) => hooks.mixerPlan.tap((() => null) as never) });
    await expect(mixerPlan(set)).rejects.toMatchObject({
      code: 'DMX_HOOK_NULL',
      plugin: '@x/nil 1.2.0',
      hook: 'mixer.plan',
    });
  });

  it('name the plugin that changes its input in place', async () => {
    const set = setUp({
      rude: (hooks) =>
        hooks.mixerPlan.tap((plan) => {
          (plan as { pseudoWeight: number }).pseudoWeight = 0;
          return undefined;
        }),
    });
    await expect(mixerPlan(set, { ...PLAN })).rejects.toMatchObject({
      code: 'DMX_HOOK_FAILED',
      plugin: '@x/rude 1.2.0',
    });
  });
});

describe('values between taps', () => {
  it('are frozen too: who changes the result of another plugin is named', async () => {
    const set = setUp({
      kind: (hooks) => hooks.mixerPlan.tap((plan) => ({ ...plan, donors: [] })),
      rude: (hooks) =>
        hooks.mixerPlan.tap((plan) => {
          (plan as { pseudoWeight: number }).pseudoWeight = 0;
          return undefined;
        }),
    });
    await expect(mixerPlan(set)).rejects.toMatchObject({ code: 'DMX_HOOK_FAILED', plugin: '@x/rude 1.2.0' });
  });
});

describe('values between synchronous taps', () => {
  it('are frozen as well', () => {
    const set = setUp({
      kind: (hooks) => hooks.studentForward.tap((output) => ({ ...output, features: {} })),
      rude: (hooks) =>
        hooks.studentForward.tap((output) => {
          (output.features as Record<string, unknown>).x4 = 1;
          return undefined;
        }),
    });
    const output = { logits: 1, features: {} };
    expect(() => set.callers.studentForward.call(output, CONTEXT as never)).toThrowError(
      expect.objectContaining({ code: 'DMX_HOOK_FAILED', plugin: '@x/rude 1.2.0' }),
    );
  });
});

describe('decisions', () => {
  it('are made by the first who returns an object', async () => {
    const set = setUp({
      shy: (hooks) => hooks.runShouldStop.tap(() => undefined),
      first: (hooks) => hooks.runShouldStop.tap(() => ({ stop: true, reason: 'first' })),
      second: (hooks) => hooks.runShouldStop.tap(() => ({ stop: true, reason: 'second' })),
    });
    expect(await set.callers.runShouldStop.call({} as never, CONTEXT as never)).toEqual({
      stop: true,
      reason: 'first',
    });
  });

  it('may not be bare values: DMX_HOOK_DECISION', async () => {
    const set = setUp({ yes: (hooks) => hooks.runShouldStop.tap((() => true) as never) });
    await expect(set.callers.runShouldStop.call({} as never, CONTEXT as never)).rejects.toMatchObject({
      code: 'DMX_HOOK_DECISION',
      summary: '@x/yes 1.2.0 returned true in run.shouldStop (run r-1, epoch 3, step 120)',
    });
  });
});

describe('synchronous hooks', () => {
  it('refuse a promise with DMX_HOOK_ASYNC, also one that fails later', () => {
    const set = setUp({
      slow: (hooks) =>
        hooks.studentForward.tap((async () => {
          throw new Error('later');
        }) as never),
    });
    expect(() => set.callers.studentForward.call({ logits: 1, features: {} }, CONTEXT as never)).toThrowError(
      expect.objectContaining({ code: 'DMX_HOOK_ASYNC', plugin: '@x/slow 1.2.0', epoch: 3, step: 120 }),
    );
  });
});

describe('failures', () => {
  it('name plugin, hook, phase, run, epoch and step, and keep the cause', async () => {
    const cause = new TypeError('no box');
    const fail = () => {
      throw cause;
    };
    const set = setUp({ bcp: (hooks) => hooks.mixerPlan.tap(fail) });
    await expect(mixerPlan(set)).rejects.toMatchObject({
      code: 'DMX_HOOK_FAILED',
      plugin: '@x/bcp 1.2.0',
      hook: 'mixer.plan',
      phase: 'run',
      runId: 'r-1',
      epoch: 3,
      step: 120,
      cause,
      summary: '@x/bcp 1.2.0 failed in mixer.plan (run r-1, epoch 3, step 120)',
    });
  });

  it('take the position from the value where the context has none', async () => {
    const set = setUp({
      bad: (hooks) =>
        hooks.stepEnd.tap(() => {
          throw new Error('x');
        }),
    });
    const report = { position: { epoch: 1, step: 7 } } as never;
    await expect(set.callers.stepEnd.call(report, {} as never)).rejects.toMatchObject({ epoch: 1, step: 7 });
  });

  it('name the plugin also when it throws an error with a code of its own', async () => {
    const cause = dmxError('DMX_TOKEN_TWICE', { token: 't', scope: 's' });
    const set = setUp({
      coded: (hooks) =>
        hooks.stepEnd.tap(() => {
          throw cause;
        }),
    });
    await expect(set.callers.stepEnd.call({} as never, CONTEXT)).rejects.toMatchObject({
      code: 'DMX_HOOK_FAILED',
      plugin: '@x/coded 1.2.0',
      cause,
    });
  });

  it('keep the name of the innermost hook', async () => {
    const inner = setUp({
      inner: (hooks) =>
        hooks.lossTerms.tap(() => {
          throw new Error('x');
        }),
    });
    const outer = setUp({
      outer: (hooks) =>
        hooks.stepEnd.tap(() => {
          inner.callers.lossTerms.call([], CONTEXT);
        }),
    });
    await expect(outer.callers.stepEnd.call({} as never, CONTEXT)).rejects.toMatchObject({
      hook: 'loss.terms',
      plugin: '@x/inner 1.2.0',
    });
  });
});

describe('order of stopping', () => {
  it('reverses run.end and runs it to its end', async () => {
    const seen: string[] = [];
    const tap =
      (id: string, fails = false) =>
      (hooks: TapTargets) =>
        hooks.runEnd.tap(() => {
          seen.push(id);
          if (fails) throw new Error(id);
        });
    const set = setUp({ a: tap('a'), b: tap('b', true), c: tap('c') });
    await expect(set.callers.runEnd.call({} as never, CONTEXT as never)).rejects.toMatchObject({
      plugin: '@x/b 1.2.0',
    });
    expect(seen).toEqual(['c', 'b', 'a']);
    expect(set.list()).toEqual({
      'run.end': [
        { plugin: 'c', tap: '' },
        { plugin: 'b', tap: '' },
        { plugin: 'a', tap: '' },
      ],
    });
  });
});

describe('checkpoint hooks', () => {
  it('give each plugin its own writer', async () => {
    const written: Record<string, unknown> = {};
    const save = (hooks: TapTargets) => hooks.checkpointSave.tap((writer) => writer.json('n', { n: 1 }));
    const set = setUp({ a: save, b: save });
    const forPlugin = (plugin: string) => ({
      json: (key: string, value: unknown) => {
        written[`${plugin}/${key}`] = value;
      },
      array: () => undefined,
    });
    await set.callers.checkpointSave.call({ forPlugin }, CONTEXT as never);
    expect(written).toEqual({ 'a/n': { n: 1 }, 'b/n': { n: 1 } });
  });
});

describe('tapping', () => {
  it('says DMX_HOOK_UNKNOWN for a typo', () => {
    const set = createHookSet<unknown>();
    const hooks = set.targetsFor({ id: 'a', names: ['a'], label: '@x/a 1.2.0' }, () => false);
    expect(() => (hooks as unknown as { mixrPlan: unknown }).mixrPlan).toThrowError(
      expect.objectContaining({ code: 'DMX_HOOK_UNKNOWN', fix: 'Correct the name. Did you mean "mixerPlan"?' }),
    );
  });

  it('says DMX_TAP_FUNCTION for anything but a function', () => {
    const tap = () => setUp({ a: (hooks) => hooks.stepEnd.tap('fn' as never) });
    expect(tap).toThrowError(expect.objectContaining({ code: 'DMX_TAP_FUNCTION', plugin: '@x/a 1.2.0' }));
  });

  it('shows a plugin nothing but tap', () => {
    setUp({ a: (hooks) => expect(Object.keys(hooks.stepEnd)).toEqual(['tap']) });
  });

  it('refuses calls before the freeze with DMX_STATE', () => {
    const { callers } = createHookSet<unknown>();
    expect(() => callers.mixerPlan.call(PLAN, CONTEXT as never)).toThrowError(
      expect.objectContaining({ code: 'DMX_STATE' }),
    );
  });
});
