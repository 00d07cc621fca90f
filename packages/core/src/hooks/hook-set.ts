import {
  AsyncParallelHook,
  AsyncSeriesBailHook,
  AsyncSeriesHook,
  AsyncSeriesWaterfallHook,
  SyncBailHook,
  SyncWaterfallHook,
} from 'tapable';
import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';
import { guardTap } from './attribution.js';
import { HOOK_NAMES, HOOKS, type HookDefinition, type HookName } from './definitions.js';
import { deepFreeze } from './freeze.js';
import { type OrderedTap, orderTaps } from './order.js';
import type { HookCallers, TapOptions, TapTargets } from './tap-target.js';

/** The plugin on whose behalf taps are added. */
interface TapOwner {
  /** Id in the host, e.g. `mixer:pic`. */
  readonly id: string;
  /** Ids and package name. */
  readonly names: readonly string[];
  /** Package name and version. */
  readonly label: string;
}

/** One tap in the order in which it runs. */
export interface TapEntry {
  readonly plugin: string;
  readonly tap: string;
}

type RawTap = (value: unknown, ctx: unknown) => unknown;

interface Tap extends OrderedTap {
  readonly id: string;
  readonly fn: RawTap;
}

/** The hooks of one host: open for taps, then frozen and callable. */
export interface HookSet<T> {
  readonly callers: HookCallers<T>;
  /** The hooks as one plugin sees them. @param closed - tells that setup is over. */
  targetsFor(owner: TapOwner, closed: () => boolean): TapTargets<T>;
  /** Sorts all taps and makes the hooks callable. Returns what is wrong with the order. */
  freeze(knownNames: ReadonlySet<string>): readonly DmxError[];
  /** The ordered taps of each hook by dotted name; hooks without taps are left out. */
  list(): Readonly<Record<string, readonly TapEntry[]>>;
}

interface RunnableHook {
  isUsed(): boolean;
  call(value: unknown, ctx: unknown): unknown;
}

function valueFor(definition: HookDefinition, tap: Tap, value: unknown): unknown {
  if (definition.kind !== 'scoped-series') return value;
  return (value as { forPlugin: (pluginId: string) => unknown }).forPlugin(tap.pluginId);
}

/** A tap that checks its result and throws with its plugin's name. */
function synchronousTap(definition: HookDefinition, tap: Tap): RawTap {
  const guard = guardTap(definition, tap.label);
  return (value, ctx) => {
    let returned: unknown;
    try {
      returned = tap.fn(valueFor(definition, tap, value), ctx);
    } catch (thrown) {
      throw guard.failed(thrown, value, ctx);
    }
    return deepFreeze(guard.checked(returned, value, ctx));
  };
}

/** The same for hooks that await: always a promise, also for functions that are not async. */
function asynchronousTap(definition: HookDefinition, tap: Tap): (value: unknown, ctx: unknown) => Promise<unknown> {
  const guard = guardTap(definition, tap.label);
  return async (value, ctx) => {
    let returned: unknown;
    try {
      returned = await tap.fn(valueFor(definition, tap, value), ctx);
    } catch (thrown) {
      throw guard.failed(thrown, value, ctx);
    }
    return deepFreeze(guard.checked(returned, value, ctx));
  };
}

function tapName(tap: Tap): string {
  return tap.id === '' ? tap.pluginId : `${tap.pluginId}/${tap.id}`;
}

const ARGUMENTS: ['value', 'ctx'] = ['value', 'ctx'];
type Arguments = [unknown, unknown];

function asyncHook(definition: HookDefinition, taps: readonly Tap[]): RunnableHook {
  const hook =
    definition.kind === 'waterfall'
      ? new AsyncSeriesWaterfallHook<Arguments>(ARGUMENTS)
      : definition.kind === 'bail'
        ? new AsyncSeriesBailHook<Arguments, unknown>(ARGUMENTS)
        : new AsyncSeriesHook<Arguments>(ARGUMENTS);
  const returns = definition.kind === 'waterfall' || definition.kind === 'bail';
  for (const tap of taps) {
    const run = asynchronousTap(definition, tap);
    hook.tapPromise(tapName(tap), async (value, ctx) => {
      const result = await run(value, ctx);
      if (returns) return result as never;
    });
  }
  return { isUsed: () => hook.isUsed(), call: (value, ctx) => hook.promise(deepFreeze(value), ctx) };
}

/** All taps run before the first failure is thrown; tapable alone would stop, or reject while others still run. */
function collectingHook(definition: HookDefinition, taps: readonly Tap[]): RunnableHook {
  type Collecting = [unknown, unknown, unknown[]];
  const names: ['value', 'ctx', 'failures'] = ['value', 'ctx', 'failures'];
  const parallel = definition.kind === 'parallel';
  const hook = parallel ? new AsyncParallelHook<Collecting>(names) : new AsyncSeriesHook<Collecting>(names);
  for (const tap of taps) {
    const run = asynchronousTap(definition, tap);
    hook.tapPromise(tapName(tap), async (value, ctx, failures) => {
      await run(value, ctx).catch((failure: unknown) => failures.push(failure));
    });
  }
  return {
    isUsed: () => hook.isUsed(),
    async call(value, ctx) {
      const failures: unknown[] = [];
      await hook.promise(deepFreeze(value), ctx, failures);
      if (failures.length > 0) throw failures[0];
    },
  };
}

function syncHook(definition: HookDefinition, taps: readonly Tap[]): RunnableHook {
  const hook =
    definition.kind === 'sync-waterfall'
      ? new SyncWaterfallHook<Arguments>(ARGUMENTS)
      : new SyncBailHook<Arguments, unknown>(ARGUMENTS);
  for (const tap of taps) hook.tap(tapName(tap), synchronousTap(definition, tap));
  return { isUsed: () => hook.isUsed(), call: (value, ctx) => hook.call(deepFreeze(value), ctx) };
}

function build(definition: HookDefinition, taps: readonly Tap[]): RunnableHook {
  if (definition.toTheEnd) return collectingHook(definition, taps);
  const synchronous = definition.kind === 'sync-waterfall' || definition.kind === 'sync-bail';
  return synchronous ? syncHook(definition, taps) : asyncHook(definition, taps);
}

function addTap(taps: Tap[], hook: string, owner: TapOwner, fn: unknown, options: TapOptions): void {
  const context = { plugin: owner.label, hook, phase: 'setup' } as const;
  if (typeof fn !== 'function') {
    throw dmxError('DMX_TAP_FUNCTION', { plugin: owner.label, hook, found: typeof fn }, context);
  }
  const id = options.id ?? '';
  if (taps.some((tap) => tap.pluginId === owner.id && tap.id === id)) {
    throw dmxError('DMX_TAP_TWICE', { plugin: owner.label, hook, tap: id === '' ? owner.id : id }, context);
  }
  const { before = [], after = [] } = options;
  taps.push({ pluginId: owner.id, names: owner.names, label: owner.label, id, before, after, fn: fn as RawTap });
}

function createTargets(
  taps: Readonly<Record<HookName, Tap[]>>,
  owner: TapOwner,
  closed: () => boolean,
): Readonly<Record<string, unknown>> {
  const targets = Object.fromEntries(
    HOOK_NAMES.map((name) => [
      name,
      Object.freeze({
        tap: (fn: unknown, options: TapOptions = {}) => {
          const hook = HOOKS[name].name;
          if (closed()) {
            const details = { plugin: owner.label, call: `hooks.${name}.tap` };
            throw dmxError('DMX_API_CLOSED', details, { plugin: owner.label, hook, phase: 'run' });
          }
          addTap(taps[name], hook, owner, fn, options);
        },
      }),
    ]),
  );
  return new Proxy(Object.freeze(targets), {
    get(target, key) {
      if (typeof key === 'symbol' || key in target) return Reflect.get(target, key);
      const details = { plugin: owner.label, hook: key, nearest: nearest(key, HOOK_NAMES) };
      throw dmxError('DMX_HOOK_UNKNOWN', details, { plugin: owner.label, hook: key, phase: 'setup' });
    },
  });
}

/** Makes the hooks of a host, without taps. */
export function createHookSet<T>(): HookSet<T> {
  const taps = Object.fromEntries(HOOK_NAMES.map((name) => [name, [] as Tap[]])) as Record<HookName, Tap[]>;
  const hooks = new Map<HookName, RunnableHook>();
  const callers = Object.fromEntries(
    HOOK_NAMES.map((name) => [
      name,
      Object.freeze({
        isUsed: () => hooks.get(name)?.isUsed() ?? false,
        call: (value: unknown, ctx: unknown) => {
          const hook = hooks.get(name);
          if (hook === undefined) {
            throw dmxError('DMX_STATE', { call: `hooks.${name}.call`, state: 'new', allowed: ['started', 'running'] });
          }
          return hook.call(value, ctx);
        },
      }),
    ]),
  );
  return {
    callers: Object.freeze(callers) as unknown as HookCallers<T>,
    targetsFor: (owner, closed) => createTargets(taps, owner, closed) as unknown as TapTargets<T>,
    freeze(knownNames) {
      const problems: DmxError[] = [];
      for (const name of HOOK_NAMES) {
        const definition = HOOKS[name];
        const sorted = orderTaps(definition.name, taps[name], knownNames, (problem) => problems.push(problem));
        taps[name] = definition.reverse ? [...sorted].reverse() : [...sorted];
        hooks.set(name, build(definition, taps[name]));
      }
      return problems;
    },
    list: () =>
      Object.fromEntries(
        HOOK_NAMES.filter((name) => taps[name].length > 0).map((name) => [
          HOOKS[name].name,
          taps[name].map((tap) => ({ plugin: tap.pluginId, tap: tap.id })),
        ]),
      ),
  };
}
