import type { SliceReport } from '@dinomix/core';

/** A slice and the mean Dice of its case; null without a reference. */
export interface ChosenSlice {
  readonly slice: SliceReport;
  readonly score: number | null;
}

/** Keeps the slices of a few cases: the worst and the best. Memory does not grow with the number of cases. */
export class SliceChoice {
  readonly #count: number;
  #chosen: ChosenSlice[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  clear(): void {
    this.#chosen = [];
  }

  /** Takes a slice; its score follows, when the case has one. */
  add(slice: SliceReport): void {
    this.#chosen = this.#chosen.filter((one) => one.slice.caseId !== slice.caseId);
    this.#chosen.push({ slice, score: null });
    this.#sort();
    if (this.#chosen.length > this.#count + 1) this.#dropMiddle(slice.caseId);
  }

  /** Tells the score of a case whose slice came before. */
  score(caseId: string, score: number | null): void {
    this.#chosen = this.#chosen.map((one) => (one.slice.caseId === caseId ? { ...one, score } : one));
    this.#sort();
  }

  /** The chosen slices, worst first; cases without a score last. */
  get slices(): readonly ChosenSlice[] {
    const chosen = [...this.#chosen];
    while (chosen.length > this.#count) chosen.splice(Math.floor(chosen.length / 2), 1);
    return chosen;
  }

  #sort(): void {
    const rank = ({ score }: ChosenSlice) => score ?? Number.POSITIVE_INFINITY;
    this.#chosen.sort((a, b) => rank(a) - rank(b) || 0);
  }

  /** The newest has no score yet and stays. */
  #dropMiddle(newest: string): void {
    const others = this.#chosen.filter(({ slice }) => slice.caseId !== newest);
    const middle = others[Math.floor(others.length / 2)];
    this.#chosen = this.#chosen.filter((one) => one !== middle);
  }
}
