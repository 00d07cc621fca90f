/** First voxels of the windows along z, y and x, ascending. */
export type WindowGrid = readonly [z: readonly number[], y: readonly number[], x: readonly number[]];
