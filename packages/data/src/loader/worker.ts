import { workerData } from 'node:worker_threads';
import type { CaseReader, CaseRole, CreateCaseReader, Preprocessing, WorkerSource } from '@dinomix/core';
import { type CutRequest, type CutResult, cutCrops } from '../crops/cut-crops.js';
import type { PreparedCase } from '../prepare/prepare-case.js';
import { prepareStored, type StoredCase, type StoredState } from '../prepare/prepare-stored.js';
import { PreparedWriteError } from '../prepare/prepared-file.js';
import { type CaseSurvey, surveyCase } from '../prepare/survey-case.js';
import { importExport } from './import-module.js';

/** What every thread is told at its start. */
export interface LoaderWorkerData {
  readonly source: WorkerSource;
  readonly preprocessing: Preprocessing;
  readonly classCount: number;
  /** Folder of prepared files; null keeps none. */
  readonly cache: string | null;
}

/** A failure as data: what is thrown across threads loses its class and its code. */
export type WorkerAnswer<V> =
  | { readonly value: V }
  | {
      readonly failure: string;
      /** The folder of prepared files is to blame, not the case. */
      readonly unwritable?: boolean;
    };

/** Reads and prepares one case. */
export interface PrepareTask {
  readonly caseId: string;
  readonly role: CaseRole;
}

let reader: Promise<CaseReader> | undefined;

async function openReader({ source }: LoaderWorkerData): Promise<CaseReader> {
  const create = (await importExport(source.module, source.export)) as CreateCaseReader;
  return create(source.options);
}

async function answer<V>(work: () => Promise<V> | V): Promise<WorkerAnswer<V>> {
  try {
    return { value: await work() };
  } catch (thrown) {
    const failure = thrown instanceof Error ? thrown.message : String(thrown);
    return thrown instanceof PreparedWriteError ? { failure, unwritable: true } : { failure };
  }
}

async function stored({ caseId, role }: PrepareTask): Promise<StoredCase> {
  const data = workerData as LoaderWorkerData;
  reader ??= openReader(data);
  const found = await prepareStored(await reader, caseId, role, data);
  if (role === 'labelled' && found.prepared.label === null) throw new Error('The data set gave no label for it.');
  return found;
}

/** Task of a loader thread. */
export function prepare(task: PrepareTask): Promise<WorkerAnswer<PreparedCase>> {
  return answer(async () => (await stored(task)).prepared);
}

/** Task of a loader thread: writes the prepared file, and keeps the voxels to itself. */
export function store(task: PrepareTask): Promise<WorkerAnswer<StoredState>> {
  return answer(async () => (await stored(task)).state);
}

/** Task of a loader thread. */
export function survey({ caseId, role }: PrepareTask): Promise<WorkerAnswer<CaseSurvey>> {
  const data = workerData as LoaderWorkerData;
  return answer(async () => {
    reader ??= openReader(data);
    return surveyCase(await reader, caseId, role, data.classCount);
  });
}

/** Task of a loader thread. The memory of the crops changes hands without a copy. */
export async function cut(request: CutRequest): Promise<WorkerAnswer<CutResult>> {
  const answered = await answer(() => cutCrops(request));
  if ('failure' in answered) return answered;
  const { image, label } = answered.value;
  const buffers = label === null ? [image.buffer] : [image.buffer, label.buffer];
  // Only here: a thread that prepares cases does without it.
  const { move, transferableSymbol, valueSymbol } = await import('piscina');
  // Piscina's name for "post the value, move the buffers"; it arrives as the value.
  return move({
    [transferableSymbol]: buffers,
    [valueSymbol]: answered,
  } as never) as unknown as WorkerAnswer<CutResult>;
}
