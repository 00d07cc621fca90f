import type { CaseRole, Dataset, HookCaller, HookTable, RunInfo, Sample } from '@dinomix/core';
import type { PreparedCase } from '../prepare/prepare-case.js';
import type { CaseWorkers } from './case-workers.js';
import { sweep } from './sweep.js';

/** Prepared cases, kept in memory as far as it reaches. */
export interface CaseStore {
  /** The case; read and prepared once as long as it stays in memory. */
  get(caseId: string, role: CaseRole): Promise<PreparedCase>;
  /** Takes room for something else that grows with the number of cases; volumes that no longer fit leave. */
  reserve(bytes: number): void;
}

/** What a store is made of. */
export interface CaseStoreOptions {
  readonly workers: CaseWorkers;
  readonly hook: HookCaller<HookTable['datasetSample']>;
  readonly run: RunInfo;
  /** Bytes kept; a case for which there is no room is read again whenever it is asked for. */
  readonly limit: number;
}

/** Bytes of volumes that were handed out and not kept, after which memory is swept. */
const SWEPT_AFTER = 256e6;

function bytesOf({ image, label }: PreparedCase): number {
  return image.byteLength + (label?.byteLength ?? 0);
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

/**
 * Makes an empty store. What came first stays: an epoch asks for every case once, in a new order, so that of the cases that
 * were used last none is wanted soon.
 */
export function createCaseStore(options: CaseStoreOptions): CaseStore {
  const { limit } = options;
  const cases = new Map<string, Promise<PreparedCase>>();
  const kept: { readonly key: string; readonly bytes: number }[] = [];
  let [total, passing] = [0, 0];
  const load = async (key: string, caseId: string, role: CaseRole): Promise<PreparedCase> => {
    try {
      const prepared = await throughHook(await options.workers.prepare(caseId, role), options);
      const bytes = bytesOf(prepared);
      if (total + bytes > limit) {
        cases.delete(key);
        passing += bytes;
        if (passing >= SWEPT_AFTER) {
          sweep();
          passing = 0;
        }
        return prepared;
      }
      kept.push({ key, bytes });
      total += bytes;
      return prepared;
    } catch (thrown) {
      cases.delete(key);
      throw thrown;
    }
  };
  return {
    get(caseId, role) {
      const key = `${role}/${caseId}`;
      const known = cases.get(key);
      if (known !== undefined) return known;
      const prepared = load(key, caseId, role);
      cases.set(key, prepared);
      return prepared;
    },
    reserve(bytes) {
      total += bytes;
      while (total > limit && kept.length > 0) {
        const last = kept.pop()!;
        cases.delete(last.key);
        total -= last.bytes;
      }
    },
  };
}

/** Gives labelled and unlabelled cases as crops are cut from them, each under its role in the splits. */
export function trainingVolumes(store: CaseStore, { splits }: Dataset): (caseId: string) => Promise<PreparedCase> {
  const labelled = new Set(splits.labelled);
  return (caseId) => store.get(caseId, labelled.has(caseId) ? 'labelled' : 'unlabelled');
}
