import type { IdsOf, PluginInstance } from '../plugin/types.js';
import type { SlotName } from '../slots/tokens.js';
import type { SettingsInput } from './schema.js';
import type { LossWeight } from './types.js';

/** Keys that the trainer brings along without a plugin in the config. */
export type BuiltInKey = 'optimizer:sgd' | 'optimizer:adam' | 'schedule:poly' | 'schedule:constant' | 'executor:local';

/** Marks presets, in every copy of core alike. */
const PRESET: unique symbol = Symbol.for('dinomix:preset');

/** A config fragment with a name. `K` are the keys of its plugins. */
export interface Preset<K extends string = string> {
  readonly [PRESET]: { readonly name: string; readonly fragment: RawConfig };
  /** Carries the keys; never set. */
  readonly keys?: K;
}

/**
 * Weight of a loss as written. A number stands for a constant weight; an object is laid over what a preset says of the same
 * loss; false takes the loss of a preset away.
 */
export type LossWeightInput = number | Partial<LossWeight> | false;

/** One id. */
type One<K extends string, S extends SlotName> = IdsOf<K, S>;
/** Ids in order, one id, or false for none. */
type Several<K extends string, S extends SlotName> = IdsOf<K, S> | readonly IdsOf<K, S>[] | false;

/** Which loaded plugins a run takes. A slot that is not mentioned takes the only plugin that provides it. */
export interface UseInput<K extends string> {
  readonly executor?: One<K, 'executor'> | false;
  readonly backend?: One<K, 'backend'>;
  readonly dataset?: One<K, 'dataset'>;
  readonly student?: Several<K, 'student'>;
  readonly teacher?: Several<K, 'teacher'>;
  readonly mixer?: Several<K, 'mixer'>;
  readonly selector?: Several<K, 'selector'>;
  readonly weighter?: Several<K, 'weighter'>;
  /** Terms of the sum: ids alone, or weights by id, which are laid over those of the presets. */
  readonly loss?: Several<K, 'loss'> | { readonly [Id in IdsOf<K, 'loss'>]?: LossWeightInput };
  readonly optimizer?: One<K, 'optimizer'>;
  readonly schedule?: One<K, 'schedule'>;
  readonly metric?: Several<K, 'metric'>;
  readonly reporter?: Several<K, 'reporter'>;
}

type KeysOfOne<I> = I extends { readonly provides: infer K extends readonly string[] } ? K[number] : never;
type KeysOfPreset<I> = I extends Preset<infer K> ? K : never;

/** Keys of a list of plugins. */
export type PluginKeys<P extends readonly PluginInstance[]> = KeysOfOne<P[number]>;
/** Keys of a list of presets. */
export type PresetKeys<E extends readonly Preset[]> = KeysOfPreset<E[number]>;

/** A config as written. */
export interface ConfigInput<P extends readonly PluginInstance[], E extends readonly Preset[]> extends SettingsInput {
  /** Presets, the later over the earlier; everything below overrides them. */
  readonly extends?: E;
  /** Everything that may be used, alternatives included. A plugin replaces one of the same package and id in a preset. */
  readonly plugins?: P;
  readonly use?: UseInput<PluginKeys<P> | PresetKeys<E> | BuiltInKey>;
  /** Options laid over those of loaded plugins, by key; for changing a preset's plugin without repeating its options. */
  readonly options?: {
    readonly [K in PluginKeys<P> | PresetKeys<E> | BuiltInKey]?: Readonly<Record<string, unknown>>;
  };
}

/** A config whose types are no longer known. */
export interface RawConfig {
  readonly [key: string]: unknown;
}

/** Marks configs, in every copy of core alike. */
const CONFIG: unique symbol = Symbol.for('dinomix:config');

/** Result of {@link defineConfig}. */
export interface Config {
  readonly [CONFIG]: RawConfig;
}

/**
 * Declares the config of an experiment, the default export of `dinomix.config.ts`. The ids in `use` are checked by the
 * compiler against what the plugins and presets provide.
 */
export function defineConfig<
  const P extends readonly PluginInstance[] = readonly [],
  const E extends readonly Preset[] = readonly [],
>(config: ConfigInput<P, E>): Config {
  return Object.freeze({ [CONFIG]: Object.freeze({ ...config }) as RawConfig });
}

/** Declares a preset: a config fragment that a config extends and may override. It holds no algorithm. */
export function definePreset<
  const P extends readonly PluginInstance[] = readonly [],
  const E extends readonly Preset[] = readonly [],
>(name: string, fragment: ConfigInput<P, E>): Preset<PluginKeys<P> | PresetKeys<E>> {
  return Object.freeze({ [PRESET]: Object.freeze({ name, fragment: Object.freeze({ ...fragment }) as RawConfig }) });
}

/** The name and fragment of a preset of this or another copy of core; null for anything else. */
export function presetOf(value: unknown): { readonly name: string; readonly fragment: RawConfig } | null {
  return typeof value === 'object' && value !== null && PRESET in value ? (value as Preset)[PRESET] : null;
}

/** The content of a config of this or another copy of core, or the plain object itself; null for anything else. */
export function configOf(value: unknown): RawConfig | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return CONFIG in value ? (value as Config)[CONFIG] : (value as RawConfig);
}
