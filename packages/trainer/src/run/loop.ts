import type { EvaluationReport, MetricColumn, StepPosition } from '@dinomix/core';
import { type EvaluationMaterial, evaluateSplit } from '../evaluation/evaluate.js';
import { contextFor } from '../step/contexts.js';
import type { Training } from './assemble.js';
import { addStep, epochReport, newProgress, type Progress } from './progress.js';
import { saveCheckpoint } from './save.js';
import { createFallbackWatch, createLeakWatch } from './watches.js';

/** How the loop ended. */
export type LoopEnd = 'completed' | 'stopped' | 'interrupted';

/** Where a step lies in the run. */
export function positionOf(step: number, epochs: number, stepsPerEpoch: number): StepPosition {
  return { epoch: Math.floor(step / stepsPerEpoch), step, stepInEpoch: step % stepsPerEpoch, epochs, stepsPerEpoch };
}

/** The material for evaluating the run's present weights. */
export function evaluationMaterial(training: Training, stop: AbortSignal): EvaluationMaterial {
  const { run, dataset, store, metrics, network, weights, events } = training;
  return {
    dataset,
    store,
    config: run.config,
    metrics,
    network,
    weights,
    signal: stop,
    onCase: async (result) => {
      await events.emit({ type: 'case', result });
      await run.hooks.evalCase.call(result, { run: run.info, position: events.position });
    },
  };
}

function betterThan(value: number, best: number, { better }: MetricColumn): boolean {
  return better === 'higher' ? value > best : value < best;
}

/** Notes a new best value. @returns whether this epoch is the best so far. */
function select(progress: Progress, epoch: number, report: EvaluationReport | null, column: string): boolean {
  const value = report?.mean[column] ?? null;
  const meaning = report?.columns.find(({ name }) => name === column);
  if (value === null || meaning === undefined) return false;
  if (progress.best !== null && !betterThan(value, progress.best.value, meaning)) return false;
  progress.best = { value, epoch };
  return true;
}

/** Why the run should stop after this epoch; null when it should go on. */
function patienceReason(progress: Progress, epoch: number, patience: number | null, column: string): string | null {
  const { best } = progress;
  if (patience === null || best === null || epoch - best.epoch < patience) return null;
  return `${column} has not improved for ${epoch - best.epoch} epochs; the best was ${best.value} in epoch ${best.epoch}`;
}

/** The training loop from wherever `progress` stands. */
export class TrainingLoop {
  readonly progress: Progress;
  private readonly training: Training;
  private readonly stop: AbortSignal;
  private readonly watches: readonly (() => Promise<void>)[];
  private epochStarted = performance.now();
  private learningRate = 0;

  constructor(training: Training, stop: AbortSignal, progress: Progress = newProgress()) {
    this.training = training;
    this.stop = stop;
    this.progress = progress;
    this.watches = [createLeakWatch(training), createFallbackWatch(training)];
  }

  /** Position of the last step that was made. */
  private get lastPosition(): StepPosition {
    const { run, stepsPerEpoch } = this.training;
    return positionOf(Math.max(0, this.progress.step - 1), run.config.train.epochs, stepsPerEpoch);
  }

  /**
   * Trains until the last epoch, an early stop, or a stop request; a request is followed by a checkpoint.
   * @throws whatever ends the run: a loss that is not finite, a plugin, a full disk.
   */
  async run(): Promise<LoopEnd> {
    const { training, progress } = this;
    const { stepsPerEpoch, run } = training;
    const total = run.config.train.epochs * stepsPerEpoch;
    const loader = training.loadFrom(progress.step);
    for (;;) {
      const isOpen = progress.step > progress.closedEpochs * stepsPerEpoch;
      if (isOpen && progress.step % stepsPerEpoch === 0 && !(await this.closeEpoch())) return 'interrupted';
      if (progress.stopReason !== null) return 'stopped';
      if (progress.step >= total) return 'completed';
      if (this.stop.aborted) return this.interrupt();
      const position = positionOf(progress.step, run.config.train.epochs, stepsPerEpoch);
      training.events.position = position;
      const report = await training.runner.step(await loader.next(), position, run.signal);
      progress.step++;
      this.learningRate = report.learningRate;
      addStep(progress, report);
      await training.events.emit({ type: 'step', report });
      const moment = { run: run.info, position, signal: run.signal };
      await run.hooks.stepEnd.call(report, contextFor('hook', moment));
      for (const watch of this.watches) await watch();
    }
  }

  private async interrupt(): Promise<LoopEnd> {
    await saveCheckpoint(this.training, this.progress, this.lastPosition, false);
    return 'interrupted';
  }

  /** Evaluates, reports, selects and saves. @returns false when a stop request came in between. */
  private async closeEpoch(): Promise<boolean> {
    const { training, progress } = this;
    const { run, events } = training;
    const { train } = run.config;
    const position = this.lastPosition;
    const validation = await this.validate(position.epoch);
    if (validation === 'interrupted') {
      await this.interrupt();
      return false;
    }
    const seconds = (performance.now() - this.epochStarted) / 1000;
    const report = epochReport(progress, position, this.learningRate, seconds, validation);
    const isBest = select(progress, position.epoch, validation, train.selectBy);
    progress.closedEpochs = position.epoch + 1;
    progress.sums = newProgress().sums;
    this.epochStarted = performance.now();
    const ctx = { run: run.info, position };
    await events.emit({ type: 'epoch', report });
    await run.hooks.epochEnd.call(report, ctx);
    const decision = await run.hooks.runShouldStop.call(report, ctx);
    progress.stopReason = decision?.reason ?? patienceReason(progress, position.epoch, train.patience, train.selectBy);
    const isLast = progress.closedEpochs === train.epochs || progress.stopReason !== null;
    const isDue = isBest || isLast || progress.closedEpochs % train.checkpointEvery === 0;
    if (isDue) await saveCheckpoint(training, progress, position, isBest);
    return true;
  }

  private async validate(epoch: number): Promise<EvaluationReport | null | 'interrupted'> {
    const { training, stop } = this;
    const { validateEvery, epochs } = training.run.config.train;
    const isDue = validateEvery > 0 && ((epoch + 1) % validateEvery === 0 || epoch + 1 === epochs);
    if (!isDue || training.metrics.length === 0) return null;
    // The working memory of the steps and that of the windows are never held at the same time.
    const takeTurns = () => training.session.freeMemory?.();
    try {
      takeTurns();
      const report = await evaluateSplit('validation', evaluationMaterial(training, stop));
      takeTurns();
      await training.events.emit({ type: 'evaluation', report });
      return report;
    } catch (thrown) {
      if (stop.aborted && thrown === stop.reason) return 'interrupted';
      throw thrown;
    }
  }
}
