import { describe, expect, it } from 'vitest';
import {
  admits,
  blockedLayout,
  channelFirstLayout,
  denseLayout,
  identityLayout,
  type Layout,
  layoutKey,
  parseLayout,
  physicalAxes,
  physicalShape,
  planesLayout,
  relayoutHost,
} from './layout.js';
import { reshapeLayout } from './reshape-layout.js';

/** Position of an element in memory, from the definition of a layout and nothing else. */
function offsetOf(layout: Layout, shape: readonly number[], index: readonly number[]): number {
  const parts: { side: number; position: number }[] = [];
  shape.forEach((side, axis) => {
    const position = index[axis]!;
    if (!layout.splits.includes(axis)) parts.push({ side, position });
    else if (side === 1) parts.push({ side: 1, position: 0 }, { side: 1, position: 0 });
    else {
      parts.push({ side: side / layout.block, position: Math.floor(position / layout.block) });
      parts.push({ side: layout.block, position: position % layout.block });
    }
  });
  return layout.perm.reduce((offset, part) => offset * parts[part]!.side + parts[part]!.position, 0);
}

function* indices(shape: readonly number[]): Generator<number[]> {
  const size = shape.reduce((a, b) => a * b, 1);
  for (let flat = 0; flat < size; flat++) {
    let rest = flat;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    yield index;
  }
}

/** Memory in which each element is its logical number. */
function numbered(layout: Layout, shape: readonly number[]): Int32Array {
  const data = new Int32Array(shape.reduce((a, b) => a * b, 1));
  let number = 0;
  for (const index of indices(shape)) data[offsetOf(layout, shape, index)] = number++;
  return data;
}

const SHAPE = [2, 3, 4, 8];
const LAYOUTS: Readonly<Record<string, Layout>> = {
  identity: identityLayout(4),
  channelFirst: channelFirstLayout(4),
  permuted: denseLayout([2, 0, 3, 1]),
  blocked: blockedLayout(4, 4),
  blockedPermuted: { splits: [3], block: 4, perm: [4, 1, 3, 0, 2] },
  twice: { splits: [2, 3], block: 4, perm: [4, 0, 2, 1, 5, 3] },
  alsoFirst: { splits: [0, 3], block: 2, perm: [5, 1, 0, 3, 2, 4] },
};
const pairs = Object.keys(LAYOUTS).flatMap((from) => Object.keys(LAYOUTS).map((to) => [from, to] as const));

describe('relayoutHost', () => {
  const compatible = pairs.filter(([from, to]) => {
    const [a, b] = [LAYOUTS[from]!, LAYOUTS[to]!];
    return a.splits.length === 0 || b.splits.length === 0 || a.block === b.block;
  });

  it.each(compatible)('%s to %s agrees with a loop over indices', (from, to) => {
    const [a, b] = [LAYOUTS[from]!, LAYOUTS[to]!];
    expect(relayoutHost(numbered(a, SHAPE), a, b, SHAPE)).toEqual(numbered(b, SHAPE));
  });

  it('lets an axis of length one through a split', () => {
    const shape = [1, 2, 3, 1];
    const layout = blockedLayout(4, 16);
    expect(physicalShape(layout, shape)).toEqual([1, 1, 2, 3, 1]);
    expect(relayoutHost(numbered(identityLayout(4), shape), identityLayout(4), layout, shape)).toEqual(
      numbered(layout, shape),
    );
  });

  it('returns the same array where nothing moves', () => {
    const data = new Float32Array(192);
    expect(relayoutHost(data, LAYOUTS.blocked!, blockedLayout(4, 4), SHAPE)).toBe(data);
  });
});

describe('layouts', () => {
  it.each(Object.entries(LAYOUTS))('%s survives its key', (_, layout) => {
    expect(parseLayout(layoutKey(layout))).toEqual(layout);
  });

  it('make every plane of a volume an image', () => {
    const shape = [2, 3, 4, 5, 32];
    expect(physicalShape(planesLayout(5, 16), shape)).toEqual([2, 3, 2, 4, 5, 16]);
    expect(physicalShape(planesLayout(5, 1), shape)).toEqual([2, 3, 32, 4, 5]);
    expect(planesLayout(4, 16)).toEqual(blockedLayout(4, 16));
  });

  it('name the memory axes of a logical one', () => {
    expect(physicalAxes(blockedLayout(5, 16), 4)).toEqual([1, 5]);
    expect(physicalAxes(blockedLayout(5, 16), 1)).toEqual([2]);
    expect(physicalAxes(channelFirstLayout(5), 4)).toEqual([1]);
    expect(physicalAxes(channelFirstLayout(5), 3)).toEqual([4]);
  });

  it('admit only whole blocks and broadcast axes', () => {
    expect(admits(blockedLayout(4, 16), [2, 3, 4, 32])).toBe(true);
    expect(admits(blockedLayout(4, 16), [1, 1, 1, 1])).toBe(true);
    expect(admits(blockedLayout(4, 16), [2, 3, 4, 24])).toBe(false);
    expect(admits(blockedLayout(4, 16), [2, 3, 32])).toBe(false);
  });
});

describe('reshapeLayout', () => {
  const reshapes: readonly (readonly number[])[] = [
    [2, 3, 4, 8],
    [2, 12, 8],
    [24, 8],
    [2, 3, 32],
    [6, 4, 8],
    [2, 3, 2, 2, 8],
    [2, 1, 3, 4, 1, 8],
    [1, 2, 3, 4, 8, 1],
    [2, 3, 4, 2, 4],
    [192],
    [8, 3, 8],
  ];
  const cases = Object.keys(LAYOUTS).flatMap((name) => reshapes.map((to) => [name, to] as const));

  it.each(cases)('%s memory as %j holds the same elements, or has to move', (name, to) => {
    const layout = LAYOUTS[name]!;
    const result = reshapeLayout(layout, SHAPE, to);
    if (result) expect(numbered(result, to)).toEqual(numbered(layout, SHAPE));
  });

  it('is free for dense memory, and for joined or parted spatial axes of images', () => {
    for (const to of reshapes) expect(reshapeLayout(identityLayout(4), SHAPE, to)).toBeDefined();
    expect(reshapeLayout(channelFirstLayout(4), SHAPE, [2, 12, 8])).toEqual(denseLayout([0, 2, 1]));
    expect(reshapeLayout(blockedLayout(4, 4), SHAPE, [2, 12, 8])).toEqual(blockedLayout(3, 4));
    expect(reshapeLayout(blockedLayout(4, 4), SHAPE, [2, 1, 3, 4, 8])).toBeDefined();
  });

  it('is not free where joined axes lie apart', () => {
    expect(reshapeLayout(channelFirstLayout(4), SHAPE, [24, 8])).toBeUndefined();
    expect(reshapeLayout(channelFirstLayout(4), SHAPE, [2, 3, 32])).toBeUndefined();
    expect(reshapeLayout(blockedLayout(4, 4), SHAPE, [2, 3, 4, 2, 4])).toBeUndefined();
  });

  it('refuses shapes of different size', () => {
    expect(() => reshapeLayout(identityLayout(2), [2, 3], [2, 4])).toThrow('[2,3] and [2,4] have different sizes');
  });
});
