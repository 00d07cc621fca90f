import type { Backend } from './contracts/backend.js';
import type { Dataset } from './contracts/dataset.js';
import type { Executor } from './contracts/executor.js';
import type { Loss } from './contracts/loss.js';
import type { Metric } from './contracts/metric.js';
import type { Mixer } from './contracts/mixer.js';
import type { Optimizer } from './contracts/optimizer.js';
import type { Reporter } from './contracts/reporter.js';
import type { Schedule } from './contracts/schedule.js';
import type { Selector } from './contracts/selector.js';
import type { Student } from './contracts/student.js';
import type { Teacher } from './contracts/teacher.js';
import type { Weighter } from './contracts/weighter.js';

/** What fills each slot; `T` is the tensor type of the trainer. */
export interface SlotTypes<T> {
  readonly dataset: Dataset;
  readonly student: Student<T>;
  readonly teacher: Teacher<T>;
  readonly mixer: Mixer;
  readonly selector: Selector<T>;
  readonly weighter: Weighter<T>;
  readonly loss: Loss<T>;
  readonly optimizer: Optimizer<T>;
  readonly schedule: Schedule;
  readonly metric: Metric;
  readonly reporter: Reporter;
  readonly backend: Backend<T>;
  readonly executor: Executor;
}

/** Name of a slot. */
export type SlotName = keyof SlotTypes<unknown>;

/** How many plugins fill a slot. */
export interface SlotArity {
  readonly least: 0 | 1;
  readonly most: 1 | 'many';
}

/** Every slot with its arity, in the order in which a run creates them. */
export const SLOTS = Object.freeze({
  executor: Object.freeze({ least: 0, most: 1 }),
  backend: Object.freeze({ least: 1, most: 1 }),
  dataset: Object.freeze({ least: 1, most: 1 }),
  student: Object.freeze({ least: 1, most: 'many' }),
  teacher: Object.freeze({ least: 0, most: 'many' }),
  mixer: Object.freeze({ least: 0, most: 'many' }),
  selector: Object.freeze({ least: 0, most: 'many' }),
  weighter: Object.freeze({ least: 0, most: 'many' }),
  loss: Object.freeze({ least: 1, most: 'many' }),
  optimizer: Object.freeze({ least: 1, most: 1 }),
  schedule: Object.freeze({ least: 1, most: 1 }),
  metric: Object.freeze({ least: 0, most: 'many' }),
  reporter: Object.freeze({ least: 0, most: 'many' }),
} as const) satisfies Readonly<Record<SlotName, SlotArity>>;

/** Slot names in the order of {@link SLOTS}. */
export const SLOT_NAMES: readonly SlotName[] = Object.freeze(Object.keys(SLOTS) as SlotName[]);

/** A typed key of a scope. Two copies of core agree on it: the key is a registered symbol. */
export interface Token<V> {
  readonly key: symbol;
  readonly name: string;
  /** Carries the type; never set. */
  readonly valueType?: V;
}

/** Makes the token with this name; the same name gives the same key in every copy of core. */
export function token<V>(name: string): Token<V> {
  return Object.freeze({ key: Symbol.for(`dinomix:${name}`), name });
}
