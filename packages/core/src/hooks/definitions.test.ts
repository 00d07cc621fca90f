import { describe, expect, expectTypeOf, it } from 'vitest';
import { satisfies } from '../plugin/semver.js';
import { CORE_VERSION } from '../plugin/version.js';
import type { StudentOutput } from '../slots/contracts/student.js';
import { HOOK_NAMES, HOOKS, type HookTable } from './definitions.js';
import type { HookResult, TapFunction } from './tap-target.js';

interface FakeTensor {
  readonly shape: readonly number[];
  dispose(): void;
}
type Table = HookTable<FakeTensor>;

describe('the table of hooks', () => {
  it('is frozen, with unique dotted names that match the properties', () => {
    expect(Object.isFrozen(HOOKS) && HOOK_NAMES.every((name) => Object.isFrozen(HOOKS[name]))).toBe(true);
    for (const name of HOOK_NAMES) {
      const dotted = HOOKS[name].name;
      expect(dotted.replace(/\.(\w)/, (_, letter: string) => letter.toUpperCase())).toBe(name);
    }
  });

  it('gives each hook a moment, its values and a version that exists', () => {
    for (const name of HOOK_NAMES) {
      const { moment, gives, since } = HOOKS[name];
      expect(moment.length * gives.length).toBeGreaterThan(0);
      expect(satisfies(CORE_VERSION, `>=${since}`)).toBe(true);
    }
  });

  it('keeps everything inside the tape synchronous', () => {
    const inTape = HOOK_NAMES.filter((name) => HOOKS[name].inTape);
    expect(inTape).toEqual(['studentForward', 'weightsUpdate', 'lossTerms', 'lossReduce']);
    for (const name of inTape) expect(HOOKS[name].kind).toMatch(/^sync-/);
  });
});

describe('types of taps', () => {
  it('refuse async functions in synchronous hooks', () => {
    type Forward = TapFunction<Table['studentForward']>;
    const good: Forward = (output) => ({ ...output });
    const silent: Forward = () => undefined;
    // @ts-expect-error an async function is refused by the compiler
    const bad: Forward = async (output) => output;
    // @ts-expect-error so is one that returns nothing after an await
    const worse: Forward = async () => undefined;
    // @ts-expect-error and an async one for the terms, an array
    const terms: TapFunction<Table['lossTerms']> = async (list) => list;
    // @ts-expect-error and one for the gradients, a record
    const gradients: TapFunction<Table['gradientsReady']> = async (record) => record;
    expect([good, silent, bad, worse, terms, gradients].every((fn) => typeof fn === 'function')).toBe(true);
  });

  it('let observers and waterfalls be async where that is allowed', () => {
    expectTypeOf<ReturnType<TapFunction<Table['stepEnd']>>>().toEqualTypeOf<Promise<void> | void>();
    const plan: TapFunction<Table['mixerPlan']> = async (value) => ({ ...value, pseudoWeight: 0.5 });
    const keeps: TapFunction<Table['mixerPlan']> = (value) => (value.pseudoWeight > 0 ? undefined : value);
    expect(typeof plan).toBe(typeof keeps);
  });

  it('refuse null and bare booleans', () => {
    // @ts-expect-error null has no meaning
    const empty: TapFunction<Table['mixerPlan']> = () => null;
    // @ts-expect-error a decision says why
    const stop: TapFunction<Table['runShouldStop']> = () => true;
    const reason: TapFunction<Table['runShouldStop']> = () => ({ stop: true, reason: 'enough' });
    expect([empty, stop, reason].length).toBe(3);
  });

  it('know what a call gives', () => {
    expectTypeOf<HookResult<Table['studentForward']>>().toEqualTypeOf<StudentOutput<FakeTensor>>();
    expectTypeOf<HookResult<Table['stepEnd']>>().toEqualTypeOf<Promise<void>>();
  });
});
