import type { Mixer, MixFacts, MixItem, MixPlan, Reported, SlotState, StepContext, StepPosition } from '@dinomix/core';
import { classProbabilities } from './class-probability.js';
import { ClassStatistics } from './class-statistics.js';
import { type Part, PasteDrawer, partLabels } from './draw.js';
import type { PicOptions } from './options.js';
import { countClasses } from './placement.js';

/** Progress r of the run: 0 in the first step, 1 in the last. */
export function progressOf({ step, epochs, stepsPerEpoch }: Pick<StepPosition, 'step' | 'epochs' | 'stepsPerEpoch'>) {
  const last = epochs * stepsPerEpoch - 1;
  return last <= 0 ? 0 : Math.min(step / last, 1);
}

/**
 * The slot `mixer` of Progressive Imbalance-aware CutMix (method.md §1.5): boxes around voxels of classes that are drawn
 * from the tail distribution at the start of the run and uniformly at its end.
 */
export function createPic(options: PicOptions): Mixer {
  return new Pic(options);
}

class Pic implements Mixer {
  readonly #options: PicOptions;
  /** Null before the first step. */
  #statistics: ClassStatistics | null = null;
  #restored: SlotState | null = null;
  #report: Readonly<Record<string, Reported>> = {};

  constructor(options: PicOptions) {
    this.#options = options;
  }

  async plan(facts: MixFacts, ctx: StepContext): Promise<MixPlan> {
    const { directions, pseudoWeight } = this.#options;
    const classCount = facts.dataset.classes.length;
    const statistics = this.#open(facts.dataset.labelledVoxels);
    const pseudo = directions.some((one) => one.startsWith('unlabelled')) ? await facts.pseudoLabels() : null;
    if (pseudo !== null) statistics.observe(countClasses(pseudo, classCount), this.#options.statisticsDecay);
    const probabilities = this.#probabilities(statistics, progressOf(ctx.position));
    const [crops, depth, height, width] = facts.labelledShape;
    const drawer = new PasteDrawer({
      options: this.#options,
      crop: [depth, height, width],
      classes: statistics.classes,
      probabilities,
      bank: facts.donors,
      batch: {
        labelled: partLabels(facts.labels, crops, classCount),
        unlabelled: pseudo === null ? null : partLabels(pseudo, facts.unlabelledShape![0], classCount),
      },
      donors: facts.previous.donors,
    });
    const mixAll = (part: Part): readonly MixItem[] =>
      facts.previous[part].map(({ base, pastes }, item) => ({
        base,
        pastes: [...pastes, ...drawer.pastes(part, item, ctx.rng.stream(part, item))],
      }));
    const [labelled, unlabelled] = [mixAll('labelled'), mixAll('unlabelled')];
    this.#report = describe(statistics.classes, probabilities, drawer.drawn, classCount);
    return { donors: drawer.donors, labelled, unlabelled, pseudoWeight };
  }

  report(): Readonly<Record<string, Reported>> {
    return this.#report;
  }

  async getState(): Promise<SlotState> {
    return this.#statistics?.getState() ?? this.#restored ?? { json: {}, arrays: {} };
  }

  async setState(state: SlotState): Promise<void> {
    this.#restored = Object.keys(state.arrays).length === 0 ? null : state;
    this.#statistics = null;
  }

  #open(labelledVoxels: readonly number[]): ClassStatistics {
    if (this.#statistics === null) {
      this.#statistics = new ClassStatistics(labelledVoxels);
      if (this.#restored !== null) this.#statistics.setState(this.#restored);
    }
    return this.#statistics;
  }

  /** P_e of both kinds of donor, by position in the classes of the statistics. */
  #probabilities(statistics: ClassStatistics, r: number): Readonly<Record<Part, readonly number[]>> {
    const ramp = this.#options.statisticsRamp;
    const b = ramp === null ? 0 : Math.min(r / ramp, 1);
    return {
      labelled: classProbabilities(statistics.labelled(), r, this.#options),
      unlabelled: classProbabilities(statistics.blended(b), r, this.#options),
    };
  }
}

/** Planned shares by kind of donor and boxes drawn, each `[k]`. */
function describe(
  classes: readonly number[],
  probabilities: Readonly<Record<Part, readonly number[]>>,
  drawn: ReadonlyMap<number, number>,
  classCount: number,
): Readonly<Record<string, Reported>> {
  const byClass = (value: (classIndex: number) => number): readonly number[] =>
    Array.from({ length: classCount }, (_, classIndex) => value(classIndex));
  const share = (part: Part) => (classIndex: number) => probabilities[part][classes.indexOf(classIndex)] ?? 0;
  return {
    plannedLabelled: { unit: 'share', values: byClass(share('labelled')) },
    plannedUnlabelled: { unit: 'share', values: byClass(share('unlabelled')) },
    drawn: { unit: 'count', values: byClass((classIndex) => drawn.get(classIndex) ?? 0) },
  };
}
