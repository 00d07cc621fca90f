import type { CaseRole, HookCaller, HookTable } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import type { PreparedCase } from '../prepare/prepare-case.js';
import { createCaseStore } from './case-store.js';
import type { CaseWorkers } from './case-workers.js';

const run = { id: 'run', seed: 1, directory: '/', configHash: '' };
const hook: HookCaller<HookTable['datasetSample']> = { isUsed: () => false, call: async (value) => value };

const VOXELS = 1000;
/** Image and label of a labelled case. */
const PAIR = 5 * VOXELS;

/** A store over cases of 1000 voxels, and how often each was read. */
function storeOf(limit: number, voxels = VOXELS) {
  const reads: string[] = [];
  const prepare = async (caseId: string, role: CaseRole): Promise<PreparedCase> => {
    reads.push(caseId);
    if (caseId === 'broken') throw new Error('cannot be read');
    return {
      caseId,
      role,
      image: new Float32Array(new SharedArrayBuffer(4 * voxels)),
      label: role === 'labelled' ? new Uint8Array(new SharedArrayBuffer(voxels)) : null,
    } as PreparedCase;
  };
  const store = createCaseStore({ workers: { prepare } as unknown as CaseWorkers, hook, run, limit });
  return { store, reads };
}

describe('a store', () => {
  it('keeps what came first as far as its limit reaches, and reads the others again', async () => {
    const { store, reads } = storeOf(2 * PAIR + 4 * VOXELS);
    for (const id of ['a', 'b']) await store.get(id, 'labelled');
    for (const id of ['c', 'd']) await store.get(id, 'unlabelled');
    for (const id of ['d', 'a', 'd', 'b']) await store.get(id, id < 'c' ? 'labelled' : 'unlabelled');
    await store.get('c', 'unlabelled');
    expect(reads).toEqual(['a', 'b', 'c', 'd', 'd', 'd']);
  });

  it('gives what is on its way to everybody who asks, even without a limit to keep it in', async () => {
    const { store, reads } = storeOf(0);
    const [first, second] = await Promise.all([store.get('a', 'labelled'), store.get('a', 'labelled')]);
    expect(second).toBe(first);
    expect(reads).toEqual(['a']);
    expect(await store.get('a', 'labelled')).not.toBe(first);
  });

  it('lets volumes go for what is reserved, the last ones first', async () => {
    const { store, reads } = storeOf(3 * PAIR);
    for (const id of ['a', 'b', 'c']) await store.get(id, 'labelled');
    store.reserve(PAIR + 1);
    for (const id of ['a', 'b', 'c']) await store.get(id, 'labelled');
    expect(reads).toEqual(['a', 'b', 'c', 'b', 'c']);
  });

  it('tries a case again that could not be read', async () => {
    const { store, reads } = storeOf(PAIR);
    for (let time = 0; time < 2; time++) await expect(store.get('broken', 'labelled')).rejects.toThrow('cannot be');
    expect(reads).toEqual(['broken', 'broken']);
  });

  it('does not let the memory of this process grow with the cases that it does not keep', async () => {
    const voxels = 5_000_000;
    const { store } = storeOf(0, voxels);
    const before = process.memoryUsage.rss();
    let most = 0;
    for (let index = 0; index < 150; index++) {
      const { image } = await store.get(`u${index}`, 'unlabelled');
      image.fill(1);
      most = Math.max(most, process.memoryUsage.rss() - before);
    }
    // 150 volumes of 20 MB; V8 by itself lets them all stay.
    expect(most).toBeLessThan(600e6);
  });
});
