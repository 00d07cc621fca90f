import type { ResolvedConfig } from '../config/types.js';
import type { RunInfo } from '../slots/contracts/common.js';
import { SLOT_NAMES, type SlotName, type Token, token } from '../slots/tokens.js';
import type { Bound } from './setup.js';

/** The resolved config; bound in the host. */
export const CONFIG_TOKEN: Token<ResolvedConfig> = token('config');

/** What identifies the run; bound in each run. */
export const RUN_INFO: Token<RunInfo> = token('run.info');

/** Aborted when the run stops; bound in each run. */
export const SIGNAL: Token<AbortSignal> = token('run.signal');

/** Slots that outlive runs; the others are created anew for each run. */
export const HOST_SLOTS: readonly SlotName[] = Object.freeze(['executor', 'backend'] as const);

/** One token per slot, for what fills it. */
export const SLOT_TOKENS: Readonly<Record<SlotName, Token<Promise<readonly Bound<unknown>[]>>>> = Object.freeze(
  Object.fromEntries(SLOT_NAMES.map((slot) => [slot, token<Promise<readonly Bound<unknown>[]>>(`slot.${slot}`)])),
) as Readonly<Record<SlotName, Token<Promise<readonly Bound<unknown>[]>>>>;
