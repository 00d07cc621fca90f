import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';
import { parseSlotKey } from '../plugin/define-plugin.js';
import type { LoadedPlugin } from '../plugin/loaded.js';
import { SLOT_NAMES, SLOTS, type SlotName } from '../slots/tokens.js';
import { normaliseIssues } from './issues.js';
import type { Layer } from './layers.js';
import { isPlainObject, nest, type Origins, type PlainObject, show } from './merge.js';
import type { Override } from './override.js';
import { lossWeightSchema } from './schema.js';
import type { LossWeight, UseSettings } from './types.js';

/** What one slot was told: ids in order, with raw weights for losses, and by whom. */
interface Choice {
  readonly ids: readonly string[];
  readonly weights: PlainObject;
  readonly origin: string;
  /** Who named a loss, where that was not `origin`. */
  readonly namedBy?: Readonly<Record<string, string>>;
}

/** What {@link resolveUse} looks at. */
export interface UseInputs {
  readonly layers: readonly Layer[];
  readonly overrides: readonly Override[];
  readonly plugins: readonly LoadedPlugin[];
  readonly origins: Origins;
  /** Package by key of plugins that are installed and not loaded; for messages only. */
  readonly installed: Readonly<Record<string, string>>;
  /** Package by key of plugins that could be installed; for messages only. */
  readonly published: Readonly<Record<string, string>>;
}

function candidates(plugins: readonly LoadedPlugin[], slot: SlotName): readonly string[] {
  return plugins.flatMap((plugin) =>
    plugin.keys.flatMap((key) => {
      const parsed = parseSlotKey(key);
      return parsed?.slot === slot ? [parsed.id] : [];
    }),
  );
}

class UseResolver {
  readonly #inputs: UseInputs;
  readonly #report: (problem: DmxError) => void;

  constructor(inputs: UseInputs, report: (problem: DmxError) => void) {
    this.#inputs = inputs;
    this.#report = report;
  }

  /** Unknown slot names in any layer. */
  checkNames(): void {
    for (const layer of this.#inputs.layers) {
      for (const slot of Object.keys(layer.use)) {
        if (SLOT_NAMES.includes(slot as SlotName)) continue;
        const details = { slot, origin: layer.origin, nearest: nearest(slot, SLOT_NAMES), known: SLOT_NAMES };
        this.#report(dmxError('DMX_USE_SLOT', details, { phase: 'use', path: `use.${slot}` }));
      }
    }
  }

  #read(slot: SlotName, value: unknown, origin: string): Choice {
    if (value === false) return { ids: [], weights: {}, origin };
    if (typeof value === 'string') return { ids: [value], weights: {}, origin };
    if (Array.isArray(value) && value.every((id) => typeof id === 'string')) return { ids: value, weights: {}, origin };
    if (slot === 'loss' && isPlainObject(value)) return this.#laidOver({ ids: [], weights: {}, origin }, value, origin);
    const problem = slot === 'loss' ? 'Expected ids, or weights by id' : 'Expected an id, an array of ids, or false';
    const path = `use.${slot}`;
    this.#report(
      dmxError('DMX_CONFIG_VALUE', { path, origin, problem, found: show(value) }, { phase: 'use', path, slot }),
    );
    return { ids: [], weights: {}, origin };
  }

  /** Weights by id laid over those below: an object over an object key by key, false takes the id away. */
  #laidOver(below: Choice, weights: PlainObject, origin: string): Choice {
    const merged = new Map(below.ids.map((id) => [id, below.weights[id]]));
    const namedBy = Object.fromEntries(below.ids.map((id) => [id, below.namedBy?.[id] ?? below.origin]));
    for (const [id, weight] of Object.entries(weights)) {
      const present = merged.get(id);
      if (weight === undefined) continue;
      namedBy[id] = origin;
      if (weight === false) merged.delete(id);
      else merged.set(id, isPlainObject(weight) && isPlainObject(present) ? { ...present, ...weight } : weight);
    }
    return { ids: [...merged.keys()], weights: Object.fromEntries(merged), origin, namedBy };
  }

  /**
   * The word of the highest layer that mentions the slot, weights of losses laid over those of the layers below; null when none
   * does.
   */
  #spoken(slot: SlotName, builtIn: boolean): Choice | null {
    const layers = this.#inputs.layers.filter((one) => one.builtIn === builtIn && one.use[slot] !== undefined);
    return layers.reduce<Choice | null>((below, { use, origin }) => {
      const value = use[slot];
      const isLaidOver = slot === 'loss' && below !== null && isPlainObject(value);
      return isLaidOver ? this.#laidOver(below, value, origin) : this.#read(slot, value, origin);
    }, null);
  }

  #unspoken(slot: SlotName): Choice {
    const loaded = (builtIn: boolean) =>
      candidates(
        this.#inputs.plugins.filter((plugin) => plugin.builtIn === builtIn),
        slot,
      );
    const own = loaded(false);
    const spoken = own.length === 0 ? this.#spoken(slot, true) : null;
    if (spoken !== null) return spoken;
    const found = own.length > 0 ? own : loaded(true);
    const all = slot === 'metric' || slot === 'reporter';
    if (found.length > 1 && !all) {
      this.#report(dmxError('DMX_USE_CHOICE', { slot, loaded: found }, { phase: 'use', path: `use.${slot}`, slot }));
    }
    const origin = found.length === 0 ? 'default' : all ? 'all candidates' : 'only candidate';
    return { ids: all ? found : found.slice(0, 1), weights: {}, origin };
  }

  #overridden(slot: SlotName, start: Choice | null): Choice {
    const overrides = this.#inputs.overrides;
    const replaced = overrides.findLast((one) => one.kind === 'use' && one.slot === slot);
    const off = overrides.filter((one) => one.kind === 'off' && one.slot === slot);
    const switchedOff = off.find((one) => one.kind === 'off' && one.id === null);
    if (switchedOff !== undefined) return { ids: [], weights: {}, origin: switchedOff.text };
    let choice =
      replaced?.kind === 'use' ? this.#read(slot, replaced.value, replaced.text) : (start ?? this.#unspoken(slot));
    for (const one of off) {
      if (one.kind !== 'off' || one.id === null) continue;
      const { id } = one;
      if (!choice.ids.includes(id)) this.#unknownId(slot, id, one.text, choice.ids);
      choice = { ...choice, ids: choice.ids.filter((other) => other !== id), origin: one.text };
    }
    return choice;
  }

  #unknownId(slot: SlotName, id: string, origin: string, loaded: readonly string[]): void {
    const installed = this.#inputs.installed[`${slot}:${id}`] ?? null;
    const published = this.#inputs.published[`${slot}:${id}`] ?? null;
    const details = { slot, id, origin, nearest: nearest(id, loaded), loaded, installed, published };
    this.#report(dmxError('DMX_USE_ID', details, { phase: 'use', path: `use.${slot}`, slot }));
  }

  #check(slot: SlotName, choice: Choice): void {
    const loaded = candidates(this.#inputs.plugins, slot);
    const { origin, ids } = choice;
    const context = { phase: 'use', path: `use.${slot}`, slot } as const;
    for (const id of new Set(ids)) {
      if (!loaded.includes(id)) this.#unknownId(slot, id, origin, loaded);
      if (ids.indexOf(id) !== ids.lastIndexOf(id))
        this.#report(dmxError('DMX_USE_TWICE', { slot, id, origin }, context));
    }
    const arity = SLOTS[slot];
    if (ids.length < arity.least) this.#report(dmxError('DMX_USE_NONE', { slot }, context));
    if (arity.most === 1 && ids.length > 1) this.#report(dmxError('DMX_USE_MANY', { slot, ids, origin }, context));
  }

  resolveSlot(slot: SlotName): Choice {
    const choice = this.#overridden(slot, this.#spoken(slot, false));
    this.#check(slot, choice);
    this.#inputs.origins.clear(`use.${slot}`);
    this.#inputs.origins.set(`use.${slot}`, choice.origin);
    for (const id of choice.ids) {
      const namedBy = choice.namedBy?.[id];
      if (namedBy !== undefined && namedBy !== choice.origin) this.#inputs.origins.set(`use.${slot}.${id}`, namedBy);
    }
    return choice;
  }

  /** Weights of the losses in use, with `--set use.loss...` laid over. */
  weightsOf(choice: Choice): Readonly<Record<string, LossWeight>> {
    const raw: Record<string, unknown> = Object.fromEntries(choice.ids.map((id) => [id, choice.weights[id] ?? 1]));
    for (const override of this.#inputs.overrides) {
      if (override.kind !== 'loss') continue;
      const { id, text, path, value } = override;
      if (!Object.hasOwn(raw, id)) {
        const details = { argument: text, path: `use.loss.${id}`, nearest: nearest(id, choice.ids), known: choice.ids };
        this.#report(dmxError('DMX_OVERRIDE_PATH', details, { phase: 'use', path: `use.loss.${id}` }));
        continue;
      }
      const present = typeof raw[id] === 'number' ? { weight: raw[id] } : raw[id];
      raw[id] = path.length === 0 ? value : { ...(present as object), ...(nest(path, value) as object) };
      this.#inputs.origins.set(['use', 'loss', id, ...path].join('.'), text);
    }
    return Object.fromEntries(Object.entries(raw).map(([id, value]) => [id, this.#weight(id, value, choice.origin)]));
  }

  #weight(id: string, value: unknown, origin: string): LossWeight {
    const parsed = lossWeightSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const finding of normaliseIssues(parsed.error.issues, value)) {
      const path = ['use', 'loss', id, ...finding.path].join('.');
      const details = { path, origin, problem: finding.message, found: show(value) };
      this.#report(dmxError('DMX_CONFIG_VALUE', details, { phase: 'use', path, slot: 'loss' }));
    }
    return { weight: 0, ramp: 'constant', per: 'step', lag: 0, length: 1, students: null };
  }

  /** Students that a loss names and the run does not have. */
  checkStudents(weights: Readonly<Record<string, LossWeight>>, { ids, origin }: Choice): void {
    for (const [id, { students }] of Object.entries(weights)) {
      for (const student of students ?? []) {
        if (ids.includes(student)) continue;
        const path = `use.loss.${id}.students`;
        const details = { id: student, path, origin, nearest: nearest(student, ids), students: ids };
        this.#report(dmxError('DMX_LOSS_STUDENT', details, { phase: 'use', path, slot: 'loss' }));
      }
    }
  }
}

/**
 * Decides what fills each slot. The highest layer that mentions a slot is heard, the command line above all. A slot that
 * nobody mentions takes the only loaded plugin for it, metrics and reporters all of them, and else what is built in.
 */
export function resolveUse(inputs: UseInputs, report: (problem: DmxError) => void): UseSettings {
  const resolver = new UseResolver(inputs, report);
  resolver.checkNames();
  const choices = new Map(SLOT_NAMES.map((slot) => [slot, resolver.resolveSlot(slot)]));
  const lists = SLOT_NAMES.filter((slot) => slot !== 'loss').map((slot) => [slot, choices.get(slot)!.ids]);
  const weights = resolver.weightsOf(choices.get('loss')!);
  resolver.checkStudents(weights, choices.get('student')!);
  return { ...Object.fromEntries(lists), loss: weights } as UseSettings;
}
