import type { HookDefinition, HookKind, HookTable } from './definitions.js';

type Maybe<V> = V | undefined;

/** What a tap returns, by kind of hook. */
type TapReturn<K extends HookKind, V, R> = K extends 'series' | 'scoped-series' | 'parallel'
  ? Promise<void> | void
  : K extends 'waterfall'
    ? Promise<Maybe<V>> | Maybe<V>
    : K extends 'bail'
      ? Promise<Maybe<R>> | Maybe<R>
      : K extends 'sync-waterfall'
        ? Maybe<V>
        : Maybe<R>;

/** A method type, so that a plugin may name the tensor type of its own copy of the trainer's types. */
interface TapMethod<V, C, Out> {
  call(value: V, ctx: C): Out;
}

/** The function that a plugin taps a hook with. In synchronous hooks an async function is a compile error. */
export type TapFunction<D> =
  D extends HookDefinition<infer K, infer V, infer C, infer R> ? TapMethod<V, C, TapReturn<K, V, R>>['call'] : never;

/** Name and order of a tap. */
export interface TapOptions {
  /** Distinguishes several taps of one plugin on one hook. */
  readonly id?: string;
  /** Plugins (id such as `mixer:pic`, or package name) whose taps come after this one. */
  readonly before?: readonly string[];
  /** Plugins whose taps come before this one. */
  readonly after?: readonly string[];
}

/** What a plugin sees of a hook. It can neither call it nor look at the taps of others. */
export interface TapTarget<D> {
  /**
   * Adds a function. Taps run in the order of the plugins in the config unless `before` or `after` say otherwise.
   * @throws DMX_API_CLOSED after setup, DMX_TAP_TWICE, DMX_TAP_FUNCTION.
   */
  tap(fn: TapFunction<D>, options?: TapOptions): void;
}

/** All hooks as a plugin sees them. */
export type TapTargets<T = unknown> = { readonly [K in keyof HookTable<T>]: TapTarget<HookTable<T>[K]> };

/** How core and the trainer fire a hook. */
export interface HookCaller<D> {
  /** Whether any plugin taps it; guards the making of payloads. */
  isUsed(): boolean;
  /** Calls the taps. @throws DMX_HOOK_FAILED, DMX_HOOK_ASYNC, DMX_HOOK_NULL, DMX_HOOK_DECISION naming plugin and place. */
  call(...args: HookArguments<D>): HookResult<D>;
}

/** Arguments of {@link HookCaller.call}. */
export type HookArguments<D> =
  D extends HookDefinition<infer K, infer V, infer C, unknown>
    ? readonly [value: K extends 'scoped-series' ? ScopedValue<V> : V, ctx: C]
    : never;

/** Makes the value of one plugin, by its id. */
export interface ScopedValue<V> {
  readonly forPlugin: (pluginId: string) => V;
}

/** Result of {@link HookCaller.call}. */
export type HookResult<D> =
  D extends HookDefinition<infer K, infer V, unknown, infer R>
    ? K extends 'series' | 'scoped-series' | 'parallel'
      ? Promise<void>
      : K extends 'waterfall'
        ? Promise<V>
        : K extends 'bail'
          ? Promise<Maybe<R>>
          : K extends 'sync-waterfall'
            ? V
            : Maybe<R>
    : never;

/** All hooks as core and the trainer see them. */
export type HookCallers<T = unknown> = { readonly [K in keyof HookTable<T>]: HookCaller<HookTable<T>[K]> };
