/** Largest eigenvalues of a symmetric matrix, falling, and their unit vectors. */
export interface Eigenpairs {
  readonly values: readonly number[];
  readonly vectors: readonly Float64Array[];
}

/** Vectors beside those that are wanted: they make the iteration converge faster. */
const SPARE = 8;
const SWEEPS = 30;

/**
 * All eigenpairs of a small symmetric matrix by cyclic Jacobi rotations (Golub, Van Loan: Matrix Computations, 8.5).
 * @param matrix - `[size, size]`; not changed.
 */
export function jacobi(matrix: Float64Array, size: number): Eigenpairs {
  const a = matrix.slice();
  const v = new Float64Array(size * size);
  for (let i = 0; i < size; i++) v[i * size + i] = 1;
  const scale = a.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let outside = 0;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        outside += a[p * size + q]! ** 2;
        rotate(a, v, size, p, q);
      }
    }
    if (outside <= 1e-26 * scale) break;
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => a[j * size + j]! - a[i * size + i]!);
  return {
    values: order.map((i) => a[i * size + i]!),
    vectors: order.map((i) => Float64Array.from({ length: size }, (_, row) => v[row * size + i]!)),
  };
}

/** Makes element (p, q) zero. */
function rotate(a: Float64Array, v: Float64Array, size: number, p: number, q: number): void {
  const apq = a[p * size + q]!;
  if (apq === 0) return;
  const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < size; k++) {
    const [akp, akq] = [a[k * size + p]!, a[k * size + q]!];
    a[k * size + p] = c * akp - s * akq;
    a[k * size + q] = s * akp + c * akq;
  }
  for (let k = 0; k < size; k++) {
    const [apk, aqk] = [a[p * size + k]!, a[q * size + k]!];
    a[p * size + k] = c * apk - s * aqk;
    a[q * size + k] = s * apk + c * aqk;
    const [vkp, vkq] = [v[k * size + p]!, v[k * size + q]!];
    v[k * size + p] = c * vkp - s * vkq;
    v[k * size + q] = s * vkp + c * vkq;
  }
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

function addScaled(to: Float64Array, from: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
}

/** Modified Gram-Schmidt, twice, in place. A vector that the others span is replaced by one that they do not. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  for (const [index, vector] of vectors.entries()) {
    for (let axis = -1; axis < vector.length; axis++) {
      if (axis >= 0) vector.fill(0)[axis] = 1;
      const before = Math.sqrt(dot(vector, vector));
      for (const _ of [1, 2])
        for (const other of vectors.slice(0, index)) addScaled(vector, other, -dot(vector, other));
      const length = Math.sqrt(dot(vector, vector));
      if (length <= 1e-10 * before || length === 0) continue;
      for (let i = 0; i < vector.length; i++) vector[i]! /= length;
      break;
    }
  }
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return Float64Array.from({ length: size }, (_, row) => dot(matrix.subarray(row * size, (row + 1) * size), vector));
}

/** Sums of vectors with the coefficients of each of `mixes`. */
function mixed(vectors: readonly Float64Array[], mixes: readonly Float64Array[]): Float64Array[] {
  return mixes.map((mix) => {
    const sum = new Float64Array(vectors[0]!.length);
    for (const [index, vector] of vectors.entries()) addScaled(sum, vector, mix[index]!);
    return sum;
  });
}

/**
 * The largest eigenpairs of a symmetric matrix without negative eigenvalues, by subspace iteration with Rayleigh-Ritz
 * (Golub, Van Loan, 8.2.4). The largest component of each vector is positive. The same matrix gives the same result.
 * @param matrix - `[size, size]`.
 * @param rounds - at most; fewer once the residuals are below 1e-9 of the largest eigenvalue.
 */
export function largestEigenpairs(matrix: Float64Array, size: number, count: number, rounds = 500): Eigenpairs {
  const width = Math.min(size, count + SPARE);
  // Any start with a part along every eigenvector will do.
  let vectors: Float64Array[] = Array.from({ length: width }, (_, j) =>
    Float64Array.from({ length: size }, (_, i) => Math.sin(1.7 * (i + 1) * (j + 1) + 0.3 * i)),
  );
  orthonormalise(vectors);
  let values: readonly number[] = [];
  for (let round = 0; round < rounds; round++) {
    const images = vectors.map((vector) => times(matrix, vector));
    const small = new Float64Array(width * width);
    for (let i = 0; i < width; i++) for (let j = 0; j < width; j++) small[i * width + j] = dot(vectors[i]!, images[j]!);
    const ritz = jacobi(small, width);
    values = ritz.values;
    vectors = mixed(vectors, ritz.vectors);
    const next = mixed(images, ritz.vectors);
    const residuals = vectors.slice(0, count).map((vector, index) => {
      const rest = next[index]!.slice();
      addScaled(rest, vector, -values[index]!);
      return Math.sqrt(dot(rest, rest));
    });
    if (Math.max(...residuals) <= 1e-9 * Math.abs(values[0]!)) break;
    orthonormalise(next);
    vectors = next;
  }
  return { values: values.slice(0, count), vectors: vectors.slice(0, count).map(withSign) };
}

function withSign(vector: Float64Array): Float64Array {
  const largest = vector.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return largest < 0 ? vector.map((value) => -value) : vector;
}
