import { DmxError } from '@dinomix/core';

/** What is wrong with a file of arrays: it cannot be read, or not without guessing. */
export function fileError(file: string, problem: string, fix: string, cause?: unknown): DmxError {
  return new DmxError({ code: 'DMX_ARRAYS_FILE', summary: `${file} cannot be used`, why: problem, fix, cause });
}

/** Throws `DMX_ARRAYS_FILE` unless a shape is that of a volume; returns it as one. */
export function volumeShape(shape: readonly number[], file: string): readonly [number, number, number] {
  const [a, b, c] = shape;
  const isVolume = shape.length === 3 && shape.every((size) => Number.isSafeInteger(size) && size > 0);
  if (isVolume) return [a!, b!, c!];
  const fix =
    'take the folder of whole volumes: slices and several channels are not read; numpy.squeeze drops axes of 1';
  throw fileError(file, `has the shape [${shape.join(', ')}]; a volume has three axes`, fix);
}
