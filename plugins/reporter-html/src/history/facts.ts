import type { ClassInfo, EvaluationReport, Json, JsonObject, MetricColumn, RunRecord } from '@dinomix/core';
import type { RunHistory } from './history.js';

/** State of a run for a person. */
export type RunState = 'unfinished' | 'completed' | 'stopped' | 'interrupted' | 'failed';

/** `unfinished` is a run that goes on, and one that was killed: its events do not tell. */
export function stateOf({ outcome }: RunHistory): RunState {
  return outcome?.status ?? 'unfinished';
}

/** Classes without the background; empty as long as they are not known. */
export function foregroundOf({ record }: RunHistory): readonly ClassInfo[] {
  return record?.dataset.classes.filter(({ index }) => index > 0) ?? [];
}

/** Looks into the resolved config. */
function at(config: JsonObject | undefined, ...path: readonly string[]): Json | undefined {
  let value: Json | undefined = config;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
}

/** Name of the experiment, or the id of the run. */
export function nameOf({ record }: RunHistory): string {
  const name = at(record?.config, 'name');
  return typeof name === 'string' && name !== '' ? name : (record?.run.id ?? 'run');
}

/** What fills a slot, by the config. */
export function usedIn({ record }: RunHistory, slot: string): readonly string[] {
  const used = at(record?.config, 'use', slot);
  if (Array.isArray(used)) return used.filter((id) => typeof id === 'string');
  return typeof used === 'object' && used !== null ? Object.keys(used) : [];
}

const METHOD_SLOTS = ['student', 'teacher', 'mixer', 'weighter', 'loss'] as const;

/** The method as its parts: `vnet · teacher ema, dinov3 · mixer pic · loss dice-ce, fkd`. */
export function methodOf(history: RunHistory): string {
  return METHOD_SLOTS.flatMap((slot) => {
    const used = usedIn(history, slot);
    return used.length === 0 ? [] : [`${slot} ${used.join(', ')}`];
  }).join(' · ');
}

/** What outside teachers say about themselves, e.g. that they are random control weights. */
export function teacherLines({ record }: RunHistory): readonly string[] {
  return Object.values(record?.teachers ?? {});
}

/** `onnxruntime on cpu`. */
export function engineOf(record: RunRecord): string {
  return `${record.backend.name} on ${record.backend.device}`;
}

/** The column that stands for the result: Dice, or the first share, or the first of all. */
export function mainColumn(columns: readonly MetricColumn[]): MetricColumn | null {
  return (
    columns.find(({ name }) => name === 'dice') ?? columns.find(({ unit }) => unit === 'ratio') ?? columns[0] ?? null
  );
}

/** The evaluation that headlines and comparisons show: of the test split, else the newest on the validation split. */
export function resultOf({ test, lastValidation }: RunHistory): EvaluationReport | null {
  return test ?? lastValidation;
}

/** The collapsed classes of {@link EvaluationReport.collapsed}; null where the metrics do not tell. */
export function collapsedOf(history: RunHistory, { collapsed }: EvaluationReport): readonly ClassInfo[] | null {
  return collapsed === undefined ? null : foregroundOf(history).filter(({ index }) => collapsed.includes(index));
}

/** Seconds from the first event to the newest one. */
export function elapsedOf({ first, newest }: RunHistory): number {
  if (first === null || newest === null) return 0;
  const seconds = (Date.parse(newest) - Date.parse(first)) / 1000;
  return Number.isFinite(seconds) ? seconds : 0;
}

/** Seconds that the run took: as it says itself, else by the clock. */
export function secondsOf(history: RunHistory): number {
  const { outcome, starts } = history;
  return outcome !== null && starts === 1 ? outcome.seconds : elapsedOf(history);
}

/** Share of each class among the foreground voxels of the labelled cases, by class index. */
export function labelledShares({ record }: RunHistory): readonly number[] {
  const voxels = record?.dataset.labelledVoxels ?? [];
  const total = voxels.slice(1).reduce((sum, count) => sum + count, 0);
  return voxels.map((count, index) => (index === 0 || total === 0 ? 0 : count / total));
}

/** CSS colour of a class. */
export function colourOf({ colour: [red, green, blue] }: ClassInfo): string {
  return `rgb(${Number(red)} ${Number(green)} ${Number(blue)})`;
}
