import type { PicOptions } from './options.js';

/** Shapes of the tail distribution. */
export type TailOptions = Pick<PicOptions, 'tail' | 'epsilon' | 'exponent' | 'temperature'>;

/** Course of the curriculum. */
export type CurriculumOptions = Pick<PicOptions, 'curriculum' | 'curriculumLength'>;

/**
 * Rarity q_c = log(n_max / n_c) / log(n_max / n_min), in [0, 1]: 0 for the most frequent class, 1 for the rarest. The
 * logarithm keeps a ratio of 1000 : 1 in bounds. 0 throughout where all are equally frequent.
 * @param frequencies - positive, of any common scale.
 */
export function rarity(frequencies: readonly number[]): readonly number[] {
  const [most, least] = [Math.max(...frequencies), Math.min(...frequencies)];
  const range = Math.log(most / least);
  return frequencies.map((frequency) => (range === 0 ? 0 : Math.log(most / frequency) / range));
}

function normalise(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** P_tail, which sums to 1: proportional to (q_c + ε)^γ, to n_c^(-1/2) or to exp(q_c / T). */
export function tailDistribution(frequencies: readonly number[], options: TailOptions): readonly number[] {
  const { tail, epsilon, exponent, temperature } = options;
  if (tail === 'inverse-root') return normalise(frequencies.map((frequency) => 1 / Math.sqrt(frequency)));
  const scores = rarity(frequencies);
  if (tail === 'softmax') return normalise(scores.map((score) => Math.exp(score / temperature)));
  return normalise(scores.map((score) => (score + epsilon) ** exponent));
}

/** Weight a of the uniform part at progress r of the run, both in [0, 1]: 0 at the start, 1 from `curriculumLength` on. */
export function uniformShare(progress: number, { curriculum, curriculumLength }: CurriculumOptions): number {
  const r = Math.min(progress / curriculumLength, 1);
  switch (curriculum) {
    case 'linear':
      return r;
    case 'quadratic':
      return r * r;
    case 'cosine':
      return (1 - Math.cos(Math.PI * r)) / 2;
    case 'tail':
      return 0;
    case 'uniform':
      return 1;
  }
}

/** P_e(c) = (1 - a) P_tail(c) + a / C over C classes (method.md §1.5.2). */
export function classProbabilities(
  frequencies: readonly number[],
  progress: number,
  options: TailOptions & CurriculumOptions,
): readonly number[] {
  const a = uniformShare(progress, options);
  return tailDistribution(frequencies, options).map((share) => (1 - a) * share + a / frequencies.length);
}
