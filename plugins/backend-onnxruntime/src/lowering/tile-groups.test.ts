import { expect, it } from 'vitest';
import { createContext } from './context.js';
import { tileGroups, tilingFor } from './conv-winograd.js';
import { Emitter } from './emitter.js';

const context = (keepsKernels: boolean) =>
  createContext(new Emitter(), { provider: 'cpu', block: 16, threads: 1, partBytes: 2 ** 27, keepsKernels });

const MIB = 2 ** 20;

it.each([
  // 32 channels of 64x128x128: 16 tiles of 6 components of 2 MiB.
  { batch: 1, depth: 64, height: 128, width: 128, channels: 32, groups: 4 },
  { batch: 1, depth: 36, height: 128, width: 128, channels: 16, groups: 2 },
  { batch: 1, depth: 32, height: 64, width: 64, channels: 64, groups: 1 },
  // Tiles that are not whole do not part the volume.
  { batch: 1, depth: 63, height: 128, width: 128, channels: 32, groups: 1 },
  { batch: 2, depth: 64, height: 128, width: 128, channels: 32, groups: 1 },
])(
  'groups of tiles follow each other and stay small: $channels channels, $depth planes',
  ({ channels, groups, ...s }) => {
    const sides = { into: channels, out: channels };
    const ctx = context(true);
    const tiling = tilingFor(ctx, s, sides);
    const found = tileGroups(ctx, s, sides, tiling);
    expect(found).toHaveLength(groups);
    let next = 0;
    for (const { first = 0, tiles, components } of found) {
      expect(first).toBe(next);
      next += tiles;
      if (groups > 1) expect(4 * channels * s.height * s.width * tiles * components).toBeLessThanOrEqual(48 * MIB);
    }
    expect(next).toBe(tiling.tiles);
    expect(tileGroups(context(false), s, sides, tiling)).toEqual([tiling]);
  },
);

it('filters far larger than what they see stay as they are only where they are kept', () => {
  const bottom = { batch: 1, depth: 4, height: 8, width: 8 };
  const channels = { into: 512, out: 512 };
  // Nine taps in the plane, three or six in depth, of 512 * 512 numbers: 27 or 54 MiB.
  const bytes = (keepsKernels: boolean) =>
    4 * 9 * tilingFor(context(keepsKernels), bottom, channels).components * 512 ** 2;
  expect([bytes(true), bytes(false)]).toEqual([27 * MIB, 54 * MIB]);
  expect(tilingFor(context(true), { ...bottom, depth: 8, height: 16, width: 16 }, { into: 256, out: 256 }).planes).toBe(
    4,
  );
});
