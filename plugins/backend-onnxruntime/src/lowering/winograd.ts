/**
 * Winograd's minimal filtering F(r, 3) along one axis (Lavin and Gray 2016, arXiv 1509.09308, eq. 5 and 10): r outputs
 * y = A' [(G g) * (B' d)] of a filter of three taps from r + 2 inputs, by r + 2 products instead of 3 r.
 */
export interface Transforms {
  /** B', [r + 2][r + 2] */
  readonly input: readonly (readonly number[])[];
  /** G, [r + 2][3] */
  readonly filter: readonly (readonly number[])[];
  /** A', [r][r + 2] */
  readonly output: readonly (readonly number[])[];
}

/** Component whose column of A' is all ones, the polynomial's value at 1: a bias added to it reaches every output. */
export const BIAS_COMPONENT = 1;

/** By r. F(1, 3) is the plain sum of three products. */
export const TRANSFORMS: Readonly<Record<1 | 2 | 4, Transforms>> = {
  1: {
    input: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    filter: [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    output: [[1, 1, 1]],
  },
  2: {
    input: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, 1, 0, -1],
    ],
    filter: [
      [1, 0, 0],
      [1 / 2, 1 / 2, 1 / 2],
      [1 / 2, -1 / 2, 1 / 2],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 0],
      [0, 1, -1, -1],
    ],
  },
  4: {
    input: [
      [4, 0, -5, 0, 1, 0],
      [0, -4, -4, 1, 1, 0],
      [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0],
      [0, 2, -1, -2, 1, 0],
      [0, 4, 0, -5, 0, 1],
    ],
    filter: [
      [1 / 4, 0, 0],
      [-1 / 6, -1 / 6, -1 / 6],
      [-1 / 6, 1 / 6, -1 / 6],
      [1 / 24, 1 / 12, 1 / 6],
      [1 / 24, -1 / 12, 1 / 6],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 1, 1, 0],
      [0, 1, -1, 2, -2, 0],
      [0, 1, 1, 4, 4, 0],
      [0, 1, -1, 8, -8, 1],
    ],
  },
};
