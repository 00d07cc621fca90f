/** What a sliding window over a network is given, checked. */
import type { WindowLook, WindowRequest } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';

/** Axes along which a window is mirrored. */
export type Mirror = WindowLook['mirrored'];

/** @throws Error saying which argument does not fit. */
export function checkWindows(
  { window }: WindowRequest,
  channels: number,
  windows: Float32Array,
  looks: readonly WindowLook[],
): void {
  const expected = looks.length * product(window) * channels;
  if (windows.length !== expected) {
    throw new Error(
      `${looks.length} windows [${window}] of ${channels} channels are ${expected} numbers, found ${windows.length}`,
    );
  }
  for (const { origin } of looks) {
    if (!origin.every(Number.isSafeInteger))
      throw new Error(`the origin of a window is [${origin}]; expected whole numbers`);
  }
}

/** @throws Error when the importance does not fit the window. */
export function checkRequest({ window, importance }: WindowRequest): void {
  if (importance && importance.length !== product(window)) {
    throw new Error(
      `the importance of a window [${window}] has ${product(window)} numbers, found ${importance.length}`,
    );
  }
}
