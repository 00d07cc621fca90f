import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';
import { SLOT_NAMES, type SlotName } from '../slots/tokens.js';
import { SETTING_KEYS } from './schema.js';

/** One override of the command line, read. `text` is the argument as written. */
export type Override =
  | { readonly kind: 'setting'; readonly text: string; readonly path: readonly string[]; readonly value: unknown }
  | {
      readonly kind: 'option';
      readonly text: string;
      readonly slot: SlotName;
      readonly id: string;
      readonly path: readonly string[];
      readonly value: unknown;
    }
  | { readonly kind: 'use'; readonly text: string; readonly slot: SlotName; readonly value: unknown }
  | {
      readonly kind: 'loss';
      readonly text: string;
      readonly id: string;
      readonly path: readonly string[];
      readonly value: unknown;
    }
  | { readonly kind: 'off'; readonly text: string; readonly slot: SlotName; readonly id: string | null };

/** A number, boolean, null, array or object as JSON; anything else as a string. */
function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function syntaxError(argument: string, expected: string): DmxError {
  return dmxError('DMX_OVERRIDE_SYNTAX', { argument, expected }, { phase: 'load' });
}

function splitAssignment(text: string, body: string, expected: string): readonly [string, string] {
  const at = body.indexOf('=');
  if (at < 1) throw syntaxError(text, expected);
  return [body.slice(0, at).trim(), body.slice(at + 1).trim()];
}

function slotNamed(text: string, slot: string): SlotName {
  if (SLOT_NAMES.includes(slot as SlotName)) return slot as SlotName;
  const details = { slot, origin: text, nearest: nearest(slot, SLOT_NAMES), known: SLOT_NAMES };
  throw dmxError('DMX_USE_SLOT', details, { phase: 'load', path: `use.${slot}` });
}

/** `a,b` as ids; for losses `a:1,b:0.5` as weights. */
function readIds(text: string, slot: SlotName, body: string): unknown {
  if (body === '' || body === 'false') return false;
  const items = body.split(',').map((item) => item.trim());
  if (slot !== 'loss') return items;
  return Object.fromEntries(
    items.map((item) => {
      const [id, weight, ...rest] = item.split(':');
      const value = weight === undefined ? 1 : Number(weight);
      if (id === undefined || id === '' || rest.length > 0 || weight === '' || !Number.isFinite(value)) {
        throw syntaxError(text, '--use loss=<id>:<weight>,...');
      }
      return [id, value];
    }),
  );
}

function readUse(text: string, body: string): Override {
  const [name, ids] = splitAssignment(text, body, '--use <slot>=<id>,...');
  const slot = slotNamed(text, name);
  return { kind: 'use', text, slot, value: readIds(text, slot, ids) };
}

function readOff(text: string, body: string): Override {
  const [name = '', id = null, ...rest] = body.split('.');
  if (name === '' || rest.length > 0) throw syntaxError(text, '--off <slot> or --off <slot>.<id>');
  return { kind: 'off', text, slot: slotNamed(text, name), id };
}

function readSet(text: string, body: string): Override {
  const [dotted, written] = splitAssignment(text, body, '--set <path>=<value>');
  const path = dotted.split('.');
  const value = readValue(written);
  const [first = '', second, ...rest] = path;
  if (path.includes('')) throw syntaxError(text, 'a path of names joined by single dots');
  if (SETTING_KEYS.includes(first)) return { kind: 'setting', text, path, value };
  if (first === 'use' && second === 'loss' && rest[0] !== undefined) {
    return { kind: 'loss', text, id: rest[0], path: rest.slice(1), value };
  }
  if (first === 'use' && second !== undefined && rest.length === 0) {
    const slot = slotNamed(text, second);
    return { kind: 'use', text, slot, value: typeof value === 'string' ? readIds(text, slot, value) : value };
  }
  if (SLOT_NAMES.includes(first as SlotName) && second !== undefined && rest.length > 0) {
    return { kind: 'option', text, slot: first as SlotName, id: second, path: rest, value };
  }
  const known = [...SETTING_KEYS, 'use', ...SLOT_NAMES];
  const details = { argument: text, path: dotted, nearest: nearest(first, known), known };
  throw dmxError('DMX_OVERRIDE_PATH', details, { phase: 'load', path: dotted });
}

/**
 * Reads one override: `--set <path>=<value>`, `--use <slot>=<id>,...`, `--off <slot>[.<id>]` or `--seed <n>`. Paths of
 * `--set` are those of the config (`train.epochs`, `use.loss.fkd`) or name an option as `<slot>.<id>.<option>`.
 * @throws DMX_OVERRIDE_SYNTAX, DMX_OVERRIDE_PATH, DMX_USE_SLOT.
 */
export function parseOverride(text: string): Override {
  const match = /^--(set|use|off|seed)(?:\s+|=)(.*)$/s.exec(text.trim());
  const [, kind, body = ''] = match ?? [];
  switch (kind) {
    case 'set':
      return readSet(text, body);
    case 'use':
      return readUse(text, body);
    case 'off':
      return readOff(text, body.trim());
    case 'seed':
      return { kind: 'setting', text, path: ['seed'], value: readValue(body.trim()) };
    default:
      throw syntaxError(text, '--set <path>=<value>, --use <slot>=<id>, --off <slot> or --seed <n>');
  }
}
