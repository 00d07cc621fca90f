/** Windows of a pooling over the spatial axes. */
export interface PoolWindows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly before: readonly number[];
  /** Padding after the last element that some window reads. */
  readonly after: readonly number[];
}

/** Whether the windows tile the input. */
export function tilesInput({ kernel, strides, input, output, before }: PoolWindows): boolean {
  return kernel.every(
    (side, axis) => side === strides[axis] && before[axis] === 0 && input[axis] === side * output[axis]!,
  );
}
