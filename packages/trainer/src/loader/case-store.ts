import { totalmem } from 'node:os';
import type { CaseRole, Dataset, HookCaller, HookTable, RunInfo, Sample } from '@dinomix/core';
import type { PreparedCase } from '../data/prepare-case.js';
import type { CaseWorkers } from './case-workers.js';

/** Prepared cases, kept in memory as far as it reaches. */
export interface CaseStore {
  /** The case; read and prepared once as long as it stays in memory. */
  get(caseId: string, role: CaseRole): Promise<PreparedCase>;
}

/** What a store is made of. */
export interface CaseStoreOptions {
  readonly workers: CaseWorkers;
  readonly hook: HookCaller<HookTable['datasetSample']>;
  readonly run: RunInfo;
  /** Bytes of voxels kept; the least recently used cases go first. Default a quarter of the memory. */
  readonly limit?: number;
}

function bytesOf({ image, label }: PreparedCase): number {
  return image.byteLength + (label?.byteLength ?? 0);
}

/** Bytes of voxels that a store keeps by itself: a quarter of the machine, or of the container's limit where there is one. */
export function usualLimit(): number {
  const constrained = process.constrainedMemory();
  return (constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()) / 4;
}

function shared<A extends Float32Array | Uint8Array>(data: A): A {
  if (data.buffer instanceof SharedArrayBuffer) return data;
  const create = data.constructor as new (buffer: SharedArrayBuffer) => A;
  const copy = new create(new SharedArrayBuffer(data.byteLength));
  copy.set(data);
  return copy;
}

/** Lets `dataset.sample` change the prepared case. */
async function throughHook(prepared: PreparedCase, { hook, run }: CaseStoreOptions): Promise<PreparedCase> {
  if (!hook.isUsed()) return prepared;
  const { caseId, role, shape, spacing, image, label } = prepared;
  const given: Sample = { caseId, role, shape, spacing, image, label };
  const sample = await hook.call(given, { run });
  return {
    ...prepared,
    shape: sample.shape,
    spacing: sample.spacing,
    image: shared(sample.image),
    label: sample.label === null ? null : shared(sample.label),
  };
}

/** Makes an empty store. */
export function createCaseStore(options: CaseStoreOptions): CaseStore {
  const limit = options.limit ?? usualLimit();
  const kept = new Map<string, { readonly prepared: Promise<PreparedCase>; bytes: number }>();
  let total = 0;
  const evict = (newest: string): void => {
    for (const [key, entry] of kept) {
      if (total <= limit) return;
      if (key === newest || entry.bytes === 0) continue;
      kept.delete(key);
      total -= entry.bytes;
    }
  };
  const load = async (key: string, caseId: string, role: CaseRole): Promise<PreparedCase> => {
    const prepared = await throughHook(await options.workers.prepare(caseId, role), options);
    const entry = kept.get(key);
    if (entry !== undefined) {
      entry.bytes = bytesOf(prepared);
      total += entry.bytes;
      evict(key);
    }
    return prepared;
  };
  return {
    get(caseId, role) {
      const key = `${role}/${caseId}`;
      const entry = kept.get(key);
      if (entry !== undefined) {
        // A map iterates in the order of insertion: what is used goes to the end.
        kept.delete(key);
        kept.set(key, entry);
        return entry.prepared;
      }
      const prepared = load(key, caseId, role);
      kept.set(key, { prepared, bytes: 0 });
      prepared.catch(() => kept.delete(key));
      return prepared;
    },
  };
}

/** A labelled or unlabelled case as crops are cut from it, under its role in the splits. */
export function trainingVolume(store: CaseStore, { splits }: Dataset, caseId: string): Promise<PreparedCase> {
  return store.get(caseId, splits.labelled.includes(caseId) ? 'labelled' : 'unlabelled');
}
