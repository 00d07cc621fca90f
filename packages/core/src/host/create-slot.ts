import { resolve } from 'node:path';
import type { ResolvedConfig } from '../config/types.js';
import { dmxError } from '../errors/codes.js';
import { isDmxError, reasonOf } from '../errors/dmx-error.js';
import type { DisposalStack } from '../lifecycle/disposal-stack.js';
import type { SlotContext } from '../plugin/types.js';
import type { Scope } from '../scope/scope.js';
import type { RunInfo } from '../slots/contracts/common.js';
import type { SlotName } from '../slots/tokens.js';
import type { Bound, Provider, Providers } from './setup.js';

/** Where slots are created: a host or a run. */
export interface SlotSite {
  readonly config: ResolvedConfig;
  readonly providers: Providers;
  readonly scope: Scope;
  readonly disposal: DisposalStack;
  readonly run: RunInfo | null;
  /** Where relative paths of options start. */
  readonly folder: string;
  readonly warn: (message: string, plugin: string) => void;
}

/** Ids in use for a slot, in order. */
export function idsInUse(config: ResolvedConfig, slot: SlotName): readonly string[] {
  return slot === 'loss' ? Object.keys(config.use.loss) : config.use[slot];
}

function hasDispose(value: unknown): value is { dispose(): Promise<void> | void } {
  return typeof value === 'object' && value !== null && 'dispose' in value && typeof value.dispose === 'function';
}

async function createOne(site: SlotSite, slot: SlotName, id: string, provider: Provider): Promise<Bound<unknown>> {
  const { label } = provider.plugin;
  const owner = `${label} (${slot}:${id})`;
  const ctx: SlotContext = Object.freeze({
    slot,
    id,
    config: site.config,
    run: site.run,
    scope: site.scope,
    resolvePath: (path: string) => resolve(site.folder, path),
    onDispose: (dispose: () => Promise<void> | void) => site.disposal.add(owner, dispose),
    warn: (message: string) => site.warn(message, label),
  });
  const context = {
    plugin: label,
    slot,
    phase: 'create',
    ...(site.run === null ? {} : { runId: site.run.id }),
  } as const;
  let value: unknown;
  try {
    value = await provider.create(ctx);
  } catch (thrown) {
    if (isDmxError(thrown) && thrown.plugin !== undefined) throw thrown;
    const details = { plugin: label, slot, id, reason: reasonOf(thrown) };
    throw dmxError('DMX_SLOT_FACTORY', details, { ...context, cause: thrown });
  }
  if (typeof value !== 'object' || value === null) {
    const reason = `Its factory returned ${value === null ? 'null' : typeof value}, and the slot takes an object.`;
    throw dmxError('DMX_SLOT_FACTORY', { plugin: label, slot, id, reason }, context);
  }
  if (hasDispose(value)) {
    const disposable = value;
    site.disposal.add(owner, () => disposable.dispose());
  }
  return Object.freeze({ id, plugin: label, value });
}

/** Creates what fills a slot, one after the other in the order of the config. */
export async function createSlot(site: SlotSite, slot: SlotName): Promise<readonly Bound<unknown>[]> {
  const bound: Bound<unknown>[] = [];
  for (const id of idsInUse(site.config, slot)) {
    bound.push(await createOne(site, slot, id, site.providers.get(`${slot}:${id}`)!));
  }
  return Object.freeze(bound);
}
