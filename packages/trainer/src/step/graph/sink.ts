import type { NamedTensors, ReportUnit } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { REPORT, SET } from '../names.js';

/** What parts set and report while a graph is traced. */
export interface Sink {
  /** A new value of a variable. */
  set(variable: string, value: Tensor): void;
  /** @param owner - slot and id, and the student where the part works for one. */
  report(owner: string, name: string, values: Tensor, unit: ReportUnit): void;
  /** Everything so far, by name. */
  tensors(): NamedTensors<Tensor>;
  /** Units of what was reported, by name. */
  readonly units: Readonly<Record<string, ReportUnit>>;
}

/** Makes an empty sink. */
export function createSink(): Sink {
  const tensors: Record<string, Tensor> = {};
  const units: Record<string, ReportUnit> = {};
  return {
    units,
    set(variable, value) {
      tensors[SET + variable] = value;
    },
    report(owner, name, values, unit) {
      const key = `${REPORT}${owner}/${name}`;
      if (key in tensors) throw new Error(`it reports "${name}" twice in one step`);
      tensors[key] = values;
      units[key] = unit;
    },
    tensors: () => tensors,
  };
}
