import { createLeaf, type HostArray, sizeOf, type Value } from '../graph/ir.js';
import { identityLayout, type Layout, layoutKey, parseLayout, relayoutHost } from '../lowering/layout.js';
import type { BackendSettings } from '../session/backend-settings.js';
import { SessionCache } from '../session/cache.js';
import { executeGraph } from '../session/execute.js';
import type { Trace } from './trace.js';

/** Computes every constant that the graph reads, in one run: folded statistics, reshaped parameters. */
export function evaluateConstants(trace: Trace, settings: BackendSettings): void {
  const wanted = new Set<Value>();
  for (const node of trace.order) {
    if (!node.outputs.some((output) => trace.depends(output))) continue;
    for (const input of node.inputs) {
      const value = unspread(input);
      if (!trace.depends(value) && value.buffer === undefined) wanted.add(value);
    }
  }
  if (wanted.size === 0) return;
  const cache = new SessionCache(1);
  try {
    executeGraph([...wanted], settings, cache);
  } finally {
    cache.clear();
  }
}

/** The small tensor behind a broadcast one. */
export function unspread(value: Value): Value {
  return value.buffer === undefined && value.node?.op === 'Broadcast' ? value.node.inputs[0]! : value;
}

/** The elements of a constant in the given order of memory; the logical order where none is given. */
export function constantData(value: Value, layout: Layout = identityLayout(value.shape.length)): HostArray {
  const source = unspread(value);
  if (source !== value)
    return relayoutHost(spread(source, value.shape), identityLayout(value.shape.length), layout, value.shape);
  const { data, layout: held } = value.buffer!;
  return relayoutHost(data, parseLayout(held), layout, value.shape);
}

/** Repeats a small tensor to a shape that it broadcasts to. */
function spread(source: Value, shape: readonly number[]): HostArray {
  const small = constantData(source);
  const result = new (small.constructor as new (length: number) => HostArray)(sizeOf(shape));
  const lead = shape.length - source.shape.length;
  const strides = new Array<number>(shape.length).fill(0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= lead; axis--) {
    const side = source.shape[axis - lead]!;
    if (side !== 1) strides[axis] = stride;
    stride *= side;
  }
  for (let index = 0; index < result.length; index++) {
    let rest = index;
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    result[index] = small[from]!;
  }
  return result;
}

/** A constant of known elements in logical order. */
export function constantOf(data: Float32Array, shape: readonly number[]): Value {
  return createLeaf(shape, 'float32', { data, layout: layoutKey(identityLayout(shape.length)), dims: shape });
}
