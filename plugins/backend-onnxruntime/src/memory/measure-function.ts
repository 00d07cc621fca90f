import { type Tensor, tidy } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { type HostBuffer, sizeOf, topologicalOrder, type Value } from '../graph/ir.js';
import { identityKey, leavesOf, lowerGraph } from '../session/compile.js';
import { type MemoryParts, partsAtPeak } from './measure.js';

type Named = Readonly<Record<string, Tensor>>;

const WIDTH: Record<Value['dtype'], number> = { float32: 4, int32: 4, bool: 1 };

/**
 * Records `fn` without running it and says what memory a run takes, bytes: its inputs, its results and what is in use
 * between. Inputs that are not computed yet stay so.
 */
export function measureFunction(
  backend: OnnxRuntimeBackend,
  fn: (inputs: never) => Named,
  inputs: Named,
): { readonly peak: number; readonly parts: MemoryParts } {
  const given = Object.values(inputs).map((tensor) => backend.value(tensor));
  const pending = given.filter(({ buffer }) => buffer === undefined);
  for (const value of pending) value.buffer = emptyBuffer(value);
  try {
    return tidy(() => {
      const results = [...new Set(Object.values(fn(inputs as never)).map((tensor) => backend.value(tensor)))];
      const computed = results.filter(({ buffer }) => buffer === undefined);
      const order = topologicalOrder(computed);
      const leaves = leavesOf(order, computed);
      const { program } = lowerGraph(order, leaves, computed, backend.settings);
      const bytes = leaves.reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * WIDTH[dtype], 0);
      const parts = { inputs: bytes, ...partsAtPeak(program) };
      return { peak: Object.values(parts).reduce((sum, part) => sum + part, 0), parts };
    });
  } finally {
    for (const value of pending) value.buffer = undefined;
  }
}

/** What the lowering must know of an input: its dimensions and layout, not its numbers. */
function emptyBuffer({ shape, dtype }: Value): HostBuffer {
  const data = dtype === 'float32' ? new Float32Array(0) : dtype === 'int32' ? new Int32Array(0) : new Uint8Array(0);
  return { data, layout: identityKey(shape.length), dims: shape };
}
