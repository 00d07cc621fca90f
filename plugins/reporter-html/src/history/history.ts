import type {
  CaseResult,
  EpochReport,
  EvaluationReport,
  RunEvent,
  RunOutcome,
  RunRecord,
  SliceReport,
  StepPosition,
  StepReport,
} from '@dinomix/core';
import { Curve } from './curve.js';
import { SliceChoice } from './slice-choice.js';
import { VectorCurve } from './vector-curve.js';

/** Warnings kept; further ones are counted. */
const WARNINGS = 100;

/** Spans kept of curves of which there is one for each class. */
const CLASS_SPANS = 200;

/** A value that is made when it is first asked for. */
function getOrMake<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

/** Curves of one loss term. */
export interface TermCurves {
  /** Unweighted. */
  readonly value: Curve;
  readonly weight: Curve;
}

/** Curves of one metric on the validation split, by epoch. */
export interface ValidationCurves {
  readonly mean: Curve;
  readonly tail: Curve;
  /** By class index. */
  readonly classes: readonly Curve[];
}

/** What the events of a run tell, in memory that does not grow with the length of the run. */
export class RunHistory {
  record: RunRecord | null = null;
  /** How the newest session ended; null while it goes on, or when it was killed. */
  outcome: RunOutcome | null = null;
  position: StepPosition | null = null;
  /** Times (ISO 8601) of the first and the newest event. */
  first: string | null = null;
  newest: string | null = null;
  /** Times the run was started or resumed. */
  starts = 0;
  events = 0;
  readonly loss = new Curve();
  readonly terms = new Map<string, TermCurves>();
  readonly learningRate = new Curve();
  readonly stepMs = new Curve();
  readonly epochSeconds = new Curve();
  /** Mean Dice of the foreground against the step's targets, by student. */
  readonly pseudoDice = new Map<string, Curve>();
  /** Class weights by student. */
  readonly classWeights = new Map<string, VectorCurve>();
  /** Voxels per class that the students saw as target, by origin. */
  readonly targets = { truth: new VectorCurve(), pseudo: new VectorCurve() };
  /** What parts report: vectors by owner, such as `mixer:pic`, and name. */
  readonly reports = new Map<string, Map<string, VectorCurve>>();
  /** Evaluations on the validation split by column. */
  readonly validation = new Map<string, ValidationCurves>();
  lastValidation: EvaluationReport | null = null;
  test: EvaluationReport | null = null;
  /** Cases of the test split, also while it is not over. */
  testCases: CaseResult[] = [];
  readonly slices: SliceChoice;
  /** Warnings with how often each came. */
  readonly warnings = new Map<string, number>();
  warningsLeftOut = 0;
  checkpoints = 0;
  lastCheckpoint: string | null = null;
  best: { readonly path: string; readonly position: StepPosition } | null = null;

  /** @param slices - test cases of which a slice is kept. */
  constructor(slices: number) {
    this.slices = new SliceChoice(slices);
  }

  /** Takes the next event. Steps that a resumed run makes again replace those of before. */
  add(event: RunEvent): void {
    this.events++;
    this.first ??= event.time;
    this.newest = event.time;
    switch (event.type) {
      case 'run.start':
        this.#start(event.record);
        break;
      case 'step':
        this.#step(event.report);
        break;
      case 'epoch':
        this.#epoch(event.report);
        break;
      case 'case':
        if (event.result.role === 'test') this.#testCase(event.result);
        break;
      case 'evaluation':
        if (event.report.role === 'test') this.test = event.report;
        else this.#validation(event.report);
        break;
      case 'slice':
        this.addSlice(event.slice);
        break;
      case 'checkpoint':
        this.checkpoints++;
        this.lastCheckpoint = event.path;
        if (event.best) this.best = { path: event.path, position: event.position };
        break;
      case 'warning':
        this.#warning(event.plugin === null ? event.message : `${event.plugin}: ${event.message}`);
        break;
      case 'run.end':
        this.outcome = event.outcome;
        break;
    }
  }

  /** Takes a picture; the score of its case may be known already. */
  addSlice(slice: SliceReport): void {
    this.slices.add(slice);
    const result = this.testCases.find(({ caseId }) => caseId === slice.caseId);
    if (result !== undefined) this.slices.score(slice.caseId, scoreOf(result));
  }

  /** Steps made so far. */
  get steps(): number {
    return this.position === null ? 0 : this.position.step + 1;
  }

  #start(record: RunRecord): void {
    this.starts++;
    this.record = record;
    this.outcome = null;
    this.test = null;
    this.testCases = [];
    this.slices.clear();
  }

  #testCase(result: CaseResult): void {
    this.testCases.push(result);
    this.slices.score(result.caseId, scoreOf(result));
  }

  #warning(message: string): void {
    const count = this.warnings.get(message);
    if (count === undefined && this.warnings.size >= WARNINGS) this.warningsLeftOut++;
    else this.warnings.set(message, (count ?? 0) + 1);
  }

  #step(report: StepReport): void {
    const { position } = report;
    if (this.position !== null && position.step <= this.position.step) this.#rewind(position);
    this.position = position;
    const at = position.step;
    this.loss.add(at, report.loss);
    this.learningRate.add(at, report.learningRate);
    this.stepMs.add(at, report.stepMs);
    for (const [name, { value, weight }] of Object.entries(report.terms)) {
      const curves = getOrMake(this.terms, name, () => ({ value: new Curve(), weight: new Curve() }));
      curves.value.add(at, value);
      curves.weight.add(at, weight);
    }
    for (const [student, values] of Object.entries(report.pseudoDice)) {
      const defined = values.slice(1).filter((value) => value !== null);
      const mean = defined.reduce((sum, value) => sum + value, 0) / defined.length;
      getOrMake(this.pseudoDice, student, () => new Curve()).add(at, mean);
    }
    for (const [student, weights] of Object.entries(report.classWeights)) {
      getOrMake(this.classWeights, student, () => new VectorCurve()).add(at, weights);
    }
    this.targets.truth.add(at, report.targetVoxels.truth);
    this.targets.pseudo.add(at, report.targetVoxels.pseudo);
    for (const [owner, vectors] of Object.entries(report.reports)) {
      const own = getOrMake(this.reports, owner, () => new Map<string, VectorCurve>());
      for (const [name, { values }] of Object.entries(vectors)) {
        getOrMake(own, name, () => new VectorCurve()).add(at, values);
      }
    }
  }

  #epoch({ position, seconds }: EpochReport): void {
    this.epochSeconds.rewind(position.epoch);
    this.epochSeconds.add(position.epoch, seconds);
  }

  #validation(report: EvaluationReport): void {
    this.lastValidation = report;
    const epoch = this.position?.epoch ?? 0;
    for (const { name } of report.columns) {
      const values = report.perClass[name] ?? [];
      const curves = getOrMake(this.validation, name, () => ({
        mean: new Curve(),
        tail: new Curve(),
        classes: values.map(() => new Curve(CLASS_SPANS)),
      }));
      for (const curve of [curves.mean, curves.tail, ...curves.classes]) curve.rewind(epoch);
      curves.mean.add(epoch, report.mean[name] ?? Number.NaN);
      curves.tail.add(epoch, report.tail[name] ?? Number.NaN);
      curves.classes.forEach((curve, index) => {
        curve.add(epoch, values[index] ?? Number.NaN);
      });
    }
  }

  #rewind({ step, epoch }: StepPosition): void {
    const vectors = [...this.reports.values()].flatMap((own) => [...own.values()]);
    const terms = [...this.terms.values()].flatMap(({ value, weight }) => [value, weight]);
    const byStep = [this.loss, this.learningRate, this.stepMs, ...terms, ...this.pseudoDice.values()];
    for (const curve of byStep) curve.rewind(step);
    const { truth, pseudo } = this.targets;
    for (const curve of [truth, pseudo, ...vectors, ...this.classWeights.values()]) curve.rewind(step);
    this.epochSeconds.rewind(epoch);
    for (const { mean, tail, classes } of this.validation.values()) {
      for (const curve of [mean, tail, ...classes]) curve.rewind(epoch);
    }
  }
}

/** Mean Dice of a case over the foreground classes, or the mean of its first column; null where nothing is defined. */
function scoreOf({ values }: CaseResult): number | null {
  const column = values.dice ?? Object.values(values)[0] ?? [];
  const defined = column.slice(1).filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}
