/** CUDA libraries that a build of libtensorflow opens at run time. */
export interface CudaRequirement {
  readonly cuda: string;
  readonly cudnn: string;
}

/** libtensorflow that the install script of tfjs-node 4.22 downloads. */
export const BUNDLED_LIBTENSORFLOW = '2.9.1';

// tensorflow.org/install/source, "Tested build configurations", Linux GPU, up to 2.18; the `build_info` of the 2.21.0
// wheel says CUDA 12.5.1 and cuDNN 9 too. Each row holds from that minor version up to the row above it.
const BY_MINOR: readonly (readonly [minor: number, cuda: string, cudnn: string])[] = [
  [18, '12.5', '9.3'],
  [16, '12.3', '8.9'],
  [15, '12.2', '8.9'],
  [14, '11.8', '8.7'],
  [12, '11.8', '8.6'],
  [5, '11.2', '8.1'],
];

/**
 * CUDA and cuDNN of the official GPU builds of libtensorflow.
 *
 * @param version of libtensorflow, such as `2.9.1`.
 * @returns undefined for a version that is not a 2.x from 2.5 on.
 */
export function cudaRequirement(version: string): CudaRequirement | undefined {
  const match = /^2\.(\d+)\./.exec(version);
  if (match === null) return undefined;
  const found = BY_MINOR.find(([minor]) => Number(match[1]) >= minor);
  return found === undefined ? undefined : { cuda: found[1], cudnn: found[2] };
}
