import { cast, concat, reshape, type Tensor } from '@tensorflow/tfjs-core';

/** Where each array lies in the packed numbers. */
export interface NumbersLayout {
  readonly entries: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

/** Collects everything that a step reports, so that the step is read once. */
export interface NumbersPacker {
  add(name: string, value: Tensor): void;
  /** One float32 tensor `[n]`. Whole numbers are exact up to 2^24. */
  pack(): { readonly packed: Tensor; readonly layout: NumbersLayout };
}

/** Makes an empty packer. */
export function createPacker(): NumbersPacker {
  const entries: { name: string; shape: readonly number[] }[] = [];
  const parts: Tensor[] = [];
  return {
    add(name, value) {
      entries.push({ name, shape: value.shape });
      parts.push(cast(reshape(value, [-1]), 'float32'));
    },
    pack: () => ({ packed: parts.length === 1 ? parts[0]! : concat(parts), layout: { entries } }),
  };
}

/** The numbers of a step by name, each flat in C order. */
export function unpackNumbers(data: Float32Array, { entries }: NumbersLayout): ReadonlyMap<string, Float32Array> {
  const result = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of entries) {
    const length = shape.reduce((product, side) => product * side, 1);
    result.set(name, data.subarray(offset, offset + length));
    offset += length;
  }
  return result;
}
