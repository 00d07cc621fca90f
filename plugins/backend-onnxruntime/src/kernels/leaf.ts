import { createLeaf, type GraphDType, type Value } from '../graph/ir.js';
import { identityKey } from '../session/compile.js';

/**
 * A number as an input of the graph. Unlike an attribute it is no part of the graph's structure: a value that changes
 * from step to step costs no new session.
 */
export function scalarLeaf(value: number, dtype: GraphDType): Value {
  const data =
    dtype === 'float32' ? Float32Array.of(value) : dtype === 'int32' ? Int32Array.of(value) : Uint8Array.of(value);
  return createLeaf([], dtype, { data, layout: identityKey(0), dims: [] });
}

/** Whole numbers as an input of the graph. */
export function integerLeaf(values: readonly number[], shape: readonly number[]): Value {
  return createLeaf(shape, 'int32', { data: Int32Array.from(values), layout: identityKey(shape.length), dims: shape });
}
