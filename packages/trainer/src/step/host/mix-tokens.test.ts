import '../../../test/backend.js';
import type { MixItem } from '@dinomix/core';
import { mul, sum, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { tinyPlugin } from '../../../test/tiny-plugins.js';
import { eventsOf, oneEpoch, tinyRun } from '../../../test/tiny-run.js';
import type { LossSlot, TeacherSlot } from '../../types.js';

/** A teacher outside: the mean intensity of cells of 2 × 4 × 4 voxels, twice. */
const tokenTeacher: TeacherSlot = {
  kind: 'outside',
  produces: { probabilities: false, tokens: true },
  tokenChannels: () => 2,
  looksAt: ['labelled', 'unlabelled'],
  provenance: 'means, not features',
  async predict(parts) {
    await Promise.resolve();
    return Object.fromEntries(
      Object.entries(parts).map(([part, { host, image }]) => {
        const { data } = host();
        const items = image.shape[0]!;
        const cells = new Float32Array(items * 8);
        for (let index = 0; index < data.length; index++) {
          const [item, voxel] = [Math.floor(index / 256), index % 256];
          const [z, y, x] = [Math.floor(voxel / 64), Math.floor(voxel / 8) % 8, voxel % 8];
          cells[item * 8 + Math.floor(z / 2) * 4 + Math.floor(y / 4) * 2 + Math.floor(x / 4)]! += data[index]! / 32;
        }
        const tokens = tensor(
          [...cells].flatMap((value) => [value, 2 * value]),
          [items, 2, 2, 2, 2],
        );
        return [part, { tokens }];
      }),
    );
  },
};

describe('tokens', () => {
  // Boxes along the borders of cells: mixing tokens is then the same as looking at the mixed image.
  const onCells = tinyPlugin(['mixer:box'], (api) => {
    api.provide('mixer', 'box', () => ({
      plan(facts, { position, rng }) {
        const donors = Array.from(
          { length: position.step + 1 },
          (_, item) => facts.donors.draw(1, 'centred', rng.stream('donor', item))!.crop,
        );
        const box = { from: [0, 4, 0], to: [2, 0, 4], size: [2, 4, 4], classDrawn: null } as const;
        const items = (set: 'labelled' | 'unlabelled'): MixItem[] =>
          [0, 1].map((item) => ({
            base: { set, item },
            pastes: [
              { ...box, source: { set: 'donor', item: position.step } },
              { ...box, to: [0, 4, 0], source: { set: 'labelled', item: 1 - item } },
            ],
          }));
        return { donors, labelled: items('labelled'), unlabelled: items('unlabelled'), pseudoWeight: 1 };
      },
    }));
  });

  it('are mixed as the crops are, donors included', async () => {
    const differences: number[] = [];
    const loss: LossSlot = {
      takes: { labelled: ['tokens'], 'mixed-labelled': ['tokens'], 'mixed-unlabelled': ['tokens'] },
      parameters: ({ tokenChannels }) => [
        {
          name: 'head',
          shape: [tokenChannels.means!],
          initializer: { kind: 'constant', value: 1 },
          trainable: true,
          decay: false,
        },
      ],
      evaluate({ views }, { state }) {
        for (const { image, tokens } of Object.values(views)) {
          const items = image.shape[0]!;
          const data = image.dataSync<'float32'>();
          const found = tokens.means!.dataSync();
          for (let item = 0; item < items; item++) {
            for (let cell = 0; cell < 8; cell++) {
              let mean = 0;
              for (let voxel = 0; voxel < 32; voxel++) {
                const [z, y, x] = [Math.floor(voxel / 16), Math.floor(voxel / 4) % 4, voxel % 4];
                const at = (((cell >> 2) * 2 + z) * 8 + ((cell >> 1) & 1) * 4 + y) * 8 + (cell & 1) * 4 + x;
                mean += data[item * 256 + at]! / 32;
              }
              differences.push(Math.abs(mean - found[(item * 8 + cell) * 2]!));
            }
          }
        }
        return { value: mul(0.1, sum(state.head!)) };
      },
    };
    const teacher = tinyPlugin(['teacher:means'], (api) => api.provide('teacher', 'means', () => tokenTeacher));
    const distil = tinyPlugin(['loss:distil'], (api) => api.provide('loss', 'distil', () => loss));
    const given = {
      plugins: { mixer: onCells },
      more: [teacher, distil],
      use: { teacher: ['ema', 'means'], loss: { supervised: 1, consistency: 1, distil: 1 } },
    };
    const { outcome, events } = await tinyRun(oneEpoch(given));
    expect(outcome.error).toBeNull();
    expect(differences).toHaveLength(3 * 6 * 8);
    expect(Math.max(...differences)).toBeLessThan(1e-5);
    const [start] = eventsOf(events, 'run.start');
    expect(start!.record.teachers).toEqual({ means: 'means, not features' });
  });
});
