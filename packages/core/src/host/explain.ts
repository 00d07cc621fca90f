import { leavesOf, type Origins } from '../config/merge.js';
import type { ResolvedConfig } from '../config/types.js';
import type { TapEntry } from '../hooks/hook-set.js';
import type { LoadedPlugin } from '../plugin/loaded.js';
import { optionsPath } from '../plugin/loaded.js';
import { SLOT_NAMES, type SlotName } from '../slots/tokens.js';
import { idsInUse } from './create-slot.js';

/** One value of the final config. */
export interface ExplainedValue {
  /** Path as `--set` takes it: `train.epochs`, `use.mixer`, `mixer.pic.probability`. */
  readonly path: string;
  readonly value: unknown;
  /** Who set it: `default`, `built in`, `preset dinomix`, `dinomix.config.ts`, `--seed 1`, `only candidate`. */
  readonly origin: string;
}

/** One place of a slot. */
export interface ExplainedSlot {
  readonly slot: SlotName;
  readonly id: string;
  /** Package name and version. */
  readonly plugin: string;
  readonly origin: string;
}

/** What `dinomix explain` shows. */
export interface Explanation {
  readonly file: string | null;
  readonly configHash: string;
  readonly config: readonly ExplainedValue[];
  readonly slots: readonly ExplainedSlot[];
  /** Ordered taps by dotted hook name; hooks without taps are left out. */
  readonly hooks: Readonly<Record<string, readonly TapEntry[]>>;
  /** Loaded and not in use: ids. */
  readonly idle: readonly string[];
}

/** Everything {@link explainHost} looks at. */
export interface ExplainInputs {
  readonly file: string | null;
  readonly configHash: string;
  readonly config: ResolvedConfig;
  readonly plugins: readonly LoadedPlugin[];
  readonly origins: Origins;
  readonly hooks: Readonly<Record<string, readonly TapEntry[]>>;
}

/** Puts the final config, the slots and the ordered taps side by side with their origins. */
export function explainHost(inputs: ExplainInputs): Explanation {
  const { config, plugins, origins } = inputs;
  const { plugins: resolved, use, ...settings } = config;
  const explained = (path: string, value: unknown): ExplainedValue => ({ path, value, origin: origins.get(path) });
  const options = resolved.flatMap((entry) => {
    const path = optionsPath(plugins.find((plugin) => plugin.id === entry.id)!);
    return entry.active && Object.keys(entry.options).length > 0 ? leavesOf(entry.options, path) : [];
  });
  const slots = SLOT_NAMES.flatMap((slot) =>
    idsInUse(config, slot).map((id) => {
      const plugin = plugins.find((one) => one.keys.some((key) => key === `${slot}:${id}`))!;
      return { slot, id, plugin: plugin.label, origin: origins.get(`use.${slot}`) };
    }),
  );
  return {
    file: inputs.file,
    configHash: inputs.configHash,
    config: [...leavesOf(settings), ...leavesOf(use, 'use'), ...options].map(([path, value]) => explained(path, value)),
    slots,
    hooks: inputs.hooks,
    idle: resolved.filter((entry) => !entry.active).map((entry) => entry.id),
  };
}
