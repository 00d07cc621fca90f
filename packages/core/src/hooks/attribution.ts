import { dmxError } from '../errors/codes.js';
import { type DmxError, type ErrorContext, isDmxError, reasonOf } from '../errors/dmx-error.js';
import type { HookDefinition } from './definitions.js';

/** Where a hook was called: whatever its arguments say about run and step. */
interface Place {
  readonly runId?: string;
  readonly epoch?: number;
  readonly step?: number;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function placeOf(value: unknown, ctx: unknown): Place {
  const position = [ctx, value].map((part) => (isRecord(part) ? part.position : undefined)).find(isRecord);
  const run = isRecord(ctx) && isRecord(ctx.run) ? ctx.run : undefined;
  return {
    ...(typeof run?.id === 'string' ? { runId: run.id } : {}),
    ...(typeof position?.epoch === 'number' ? { epoch: position.epoch } : {}),
    ...(typeof position?.step === 'number' ? { step: position.step } : {}),
  };
}

function describePlace(place: Place): string {
  const parts = [
    place.runId === undefined ? null : `run ${place.runId}`,
    place.epoch === undefined ? null : `epoch ${place.epoch}`,
    place.step === undefined ? null : `step ${place.step}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** Whether a value has a `then` method: what `await` would wait for. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (isRecord(value) || typeof value === 'function') && 'then' in value && typeof value.then === 'function';
}

/** Checks and names everything that one tap does: tapable itself does not say which tap failed. */
export interface TapGuard {
  /** The error for something that the tap threw; an error of core is passed on as it is. */
  failed(thrown: unknown, value: unknown, ctx: unknown): DmxError;
  /** What the tap returned, once it is known to be allowed. Throws otherwise. */
  checked(returned: unknown, value: unknown, ctx: unknown): unknown;
}

/** Makes the guard of one tap. `label` is package name and version. */
export function guardTap(definition: HookDefinition, label: string): TapGuard {
  const hook = definition.name;
  const bails = definition.kind === 'bail' || definition.kind === 'sync-bail';
  const synchronous = definition.kind === 'sync-waterfall' || definition.kind === 'sync-bail';
  const context = (place: Place): ErrorContext => ({ plugin: label, hook, phase: 'run', ...place });
  return {
    failed(thrown, value, ctx) {
      if (isDmxError(thrown) && thrown.hook !== undefined) return thrown;
      const place = placeOf(value, ctx);
      const details = { plugin: label, hook, place: describePlace(place), reason: reasonOf(thrown) };
      return dmxError('DMX_HOOK_FAILED', details, { ...context(place), cause: thrown });
    },
    checked(returned, value, ctx) {
      if (returned === undefined) return undefined;
      const place = placeOf(value, ctx);
      const details = { plugin: label, hook, place: describePlace(place) };
      if (synchronous && isThenable(returned)) {
        Promise.resolve(returned).catch(() => undefined);
        throw dmxError('DMX_HOOK_ASYNC', details, context(place));
      }
      if (returned === null) throw dmxError('DMX_HOOK_NULL', details, context(place));
      if (bails && typeof returned !== 'object') {
        throw dmxError(
          'DMX_HOOK_DECISION',
          { ...details, found: JSON.stringify(returned) ?? typeof returned },
          context(place),
        );
      }
      return returned;
    },
  };
}
