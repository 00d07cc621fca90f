/** Index of the largest of `classCount` values from `at` on; the first of equals. */
export function largest(values: Float32Array, at: number, classCount: number): number {
  let best = 0;
  for (let index = 1; index < classCount; index++) if (values[at + index]! > values[at + best]!) best = index;
  return best;
}

/** Most probable classes `[n]` of probabilities `[n, k]`. */
export function mostProbable(probabilities: Float32Array, classCount: number): Uint8Array {
  const labels = new Uint8Array(probabilities.length / classCount);
  for (let voxel = 0; voxel < labels.length; voxel++)
    labels[voxel] = largest(probabilities, voxel * classCount, classCount);
  return labels;
}
