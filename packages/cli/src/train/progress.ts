import type { ClassInfo, EpochReport, EvaluationReport, RunEvent, StepReport } from '@dinomix/core';
import { memoryLines } from '../memory/memory-text.js';
import { duration } from '../text.js';

/** Steps over which the time of a step is averaged. */
const WINDOW = 20;

const number = (value: number) => (value !== 0 && Math.abs(value) < 0.01 ? value.toExponential(1) : value.toFixed(3));
const percent = (value: number | null | undefined) => (value == null ? '-' : String(Math.round(100 * value)));

/** `dice 0.512 (tail 0.3), asd 2.1`: the first share and every distance; reports have the rest. */
function means({ columns, mean, tail }: EvaluationReport): string {
  const first = columns.find(({ unit }) => unit === 'ratio');
  const shown = columns.filter((column) => column === first || column.unit !== 'ratio');
  return shown
    .map(({ name }) => {
      const rare = tail[name] == null ? '' : ` (tail ${number(tail[name])})`;
      return `${name} ${mean[name] == null ? '-' : number(mean[name])}${rare}`;
    })
    .join(', ');
}

/** Turns the events of a run into lines for a person. */
export interface Progress {
  /** The line that is drawn over and over, after a step; null for events that do not change it. */
  status(event: RunEvent): string | null;
  /** A line that stays; null for events that have none. */
  line(event: RunEvent): string | null;
}

/** Makes the progress of one run. Time to the end is that of the last steps; evaluation is not counted in it. */
export function createProgress(): Progress {
  const times: number[] = [];
  let classes: readonly ClassInfo[] = [];

  const stepLine = (report: StepReport): string => {
    const { position, loss, terms, stepMs, pseudoDice } = report;
    times.push(stepMs);
    if (times.length > WINDOW) times.shift();
    // The first steps build graphs; the shortest half of the times is that of a step without it.
    const typical = [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) / 2)]!;
    const left = position.epochs * position.stepsPerEpoch - position.step - 1;
    const parts = Object.entries(terms).map(([name, { value }]) => `${name} ${number(value)}`);
    const dice = Object.entries(pseudoDice).map(([student, values]) => {
      const shown = values.slice(1).map(percent).join(' ');
      return Object.keys(pseudoDice).length > 1 ? `${student} ${shown}` : shown;
    });
    return [
      `epoch ${position.epoch + 1}/${position.epochs}`,
      `step ${position.stepInEpoch + 1}/${position.stepsPerEpoch}`,
      `loss ${number(loss)} (${parts.join(', ')})`,
      `${Math.round(stepMs)} ms`,
      `${duration((typical * left) / 1000)} left`,
      `dice% ${dice.join(' | ')}`,
    ].join('  ');
  };

  const epochLine = ({ position, loss, learningRate, seconds, validation }: EpochReport): string => {
    const tested = validation === null ? '' : `  validation ${means(validation)}`;
    const rate = `lr ${number(learningRate)}`;
    return `epoch ${position.epoch + 1}/${position.epochs}  loss ${number(loss)}${tested}  ${rate}  ${duration(seconds)}`;
  };

  const startLine = (event: RunEvent & { readonly type: 'run.start' }): string => {
    const { run, backend, dataset, teachers } = event.record;
    classes = dataset.classes;
    const { labelled, unlabelled, validation, test } = dataset.splits;
    const cases = `${labelled.length} labelled, ${unlabelled.length} unlabelled, ${validation.length} validation, ${test.length} test`;
    const notes = Object.values(teachers).map((note) => `\n${note}`);
    return `run ${run.id}  ${dataset.title}: ${cases}  ${classes.length - 1} classes  ${backend.name} on ${backend.device}${notes.join('')}`;
  };

  return {
    status: (event) => (event.type === 'step' ? stepLine(event.report) : null),
    line: (event) => {
      switch (event.type) {
        case 'memory':
          return memoryLines(event.estimate, event.room);
        case 'run.start':
          return startLine(event);
        case 'epoch':
          return epochLine(event.report);
        case 'evaluation':
          return event.report.role === 'test' ? `test  ${means(event.report)}` : null;
        case 'warning':
          return `warning: ${event.plugin === null ? '' : `${event.plugin}: `}${event.message}`;
        default:
          return null;
      }
    },
  };
}
