import type { ResolvedConfig } from '../config/types.js';
import type { TapTargets } from '../hooks/tap-target.js';
import type { Disposer } from '../lifecycle/disposal-stack.js';
import type { Scope } from '../scope/scope.js';
import type { RunInfo } from '../slots/contracts/common.js';
import type { SlotName, SlotTypes } from '../slots/tokens.js';
import type { SlotKey } from './slot-key.js';

/** The ids that a list of keys has for one slot. */
export type IdsOf<K extends string, S extends SlotName> = K extends `${S}:${infer Id}` ? Id : never;

/** The slots in a list of keys. */
export type SlotsOf<K extends string> = K extends `${infer S extends SlotName}:${string}` ? S : never;

/** One issue of a {@link OptionsSchema}. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Any Standard Schema (https://standardschema.dev): zod, valibot, arktype. It must refuse unknown keys. */
export interface OptionsSchema<Input = unknown, Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) =>
      | { readonly value: Output; readonly issues?: undefined }
      | { readonly issues: readonly SchemaIssue[] }
      | Promise<{ readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema takes. */
export type OptionsInput<S extends OptionsSchema> = NonNullable<S['~standard']['types']>['input'];
/** What a schema gives. */
export type OptionsOutput<S extends OptionsSchema> = NonNullable<S['~standard']['types']>['output'];

/** What a plugin says about itself, matched before any computation. */
export interface PluginCapabilities {
  /** Ids of the backends that it works on; absent means every one. */
  readonly backends?: readonly string[];
  /** Licence of weights or data that it brings, for the run record. */
  readonly licence?: string;
}

/** Handed to the factory of a slot. */
export interface SlotContext {
  readonly slot: SlotName;
  /** Id in this host, after {@link PluginInstance.as}. */
  readonly id: string;
  readonly config: ResolvedConfig;
  /** Null for `backend` and `executor`, which outlive runs. */
  readonly run: RunInfo | null;
  /** Tokens of the run, or of the host where `run` is null. */
  readonly scope: Scope;
  /**
   * The absolute path of a path among the options: as written it starts from the folder of the config file, wherever the
   * command is given; from the working folder where the config was made in code.
   */
  resolvePath(path: string): string;
  /** Called when the run (or the host) ends, last in, first out. */
  onDispose(dispose: Disposer): void;
  /** Tells the user something that does not stop the run. */
  warn(message: string): void;
}

/** Makes what fills a slot. Heavy imports belong here. */
export type SlotFactory<V> = (ctx: SlotContext) => V | Promise<V>;

/** What `setup` can do. */
export interface PluginApi<K extends SlotKey = SlotKey, T = unknown> {
  /** Hands over the factory of one declared key. @throws DMX_PROVIDE_UNDECLARED, DMX_PROVIDE_TWICE, DMX_API_CLOSED. */
  provide<S extends SlotsOf<K>>(slot: S, id: IdsOf<K, S>, create: SlotFactory<SlotTypes<T>[S]>): void;
  readonly hooks: TapTargets<T>;
  /** Called when the host is disposed. */
  onDispose(dispose: Disposer): void;
  /** Id of this plugin in the host. */
  readonly id: string;
}

/** What a plugin author writes. */
export interface PluginDefinition<P extends readonly SlotKey[], S extends OptionsSchema> {
  /** Package name. */
  readonly name: string;
  /** Package version. */
  readonly version: string;
  /** Range of `@dinomix/core` that it works with, e.g. `^1.0.0`. */
  readonly core: string;
  /** Plugin-API level that it is written for. */
  readonly api: number;
  /** The slots it can fill, known without running any of its code. */
  readonly provides: P;
  /** Keys (`dataset:*`, `teacher:ema`) or package names that must be in use beside it. */
  readonly requires?: readonly string[];
  /** Keys or package names that must not be. */
  readonly conflicts?: readonly string[];
  readonly capabilities?: PluginCapabilities;
  readonly options: S;
  /** Registers slots and taps. Cheap: no files, no tensors, no heavy imports. */
  setup(api: PluginApi<P[number]>, options: OptionsOutput<S>): void | Promise<void>;
}

/** A definition whose types are no longer known. */
export type AnyPluginDefinition = PluginDefinition<readonly SlotKey[], OptionsSchema>;

/** Marks plugin instances, in every copy of core alike. */
export const PLUGIN: unique symbol = Symbol.for('dinomix:plugin');

/** Keys after {@link PluginInstance.as}. */
export type Renamed<P extends readonly SlotKey[], N extends string> = P extends readonly [
  `${infer S extends SlotName}:${string}`,
]
  ? readonly [`${S}:${N}`]
  : readonly SlotKey[];

/** A plugin with its options, as it stands in a config. */
export interface PluginInstance<P extends readonly SlotKey[] = readonly SlotKey[]> {
  readonly [PLUGIN]: {
    /** Version of the core that made it. */
    readonly core: string;
    readonly definition: AnyPluginDefinition;
    /** Raw options, not yet checked. */
    readonly options: unknown;
    /** Id that replaces the declared one; null without. */
    readonly alias: string | null;
  };
  /** Keys that it has in the host. */
  readonly provides: P;
  /** The same plugin under another id, for two of a kind. Only for plugins that provide one key. */
  as<const N extends string>(id: N): PluginInstance<Renamed<P, N>>;
}

/** Turns options into an instance; options may be left out when none is required. */
export type PluginFactory<P extends readonly SlotKey[], S extends OptionsSchema> = (
  ...args: Record<string, never> extends OptionsInput<S> ? [options?: OptionsInput<S>] : [options: OptionsInput<S>]
) => PluginInstance<P>;
