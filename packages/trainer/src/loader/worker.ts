import { workerData } from 'node:worker_threads';
import type { CaseReader, CaseRole, CreateCaseReader, Preprocessing, WorkerSource } from '@dinomix/core';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type CutRequest, type CutResult, cutCrops } from '../data/cut-crops.js';
import { type PreparedCase, prepareCase } from '../data/prepare-case.js';
import { importExport } from './import-module.js';

/** What every thread is told at its start. */
export interface LoaderWorkerData {
  readonly source: WorkerSource;
  readonly preprocessing: Preprocessing;
  readonly classCount: number;
}

/** A failure as data: what is thrown across threads loses its class and its code. */
export type WorkerAnswer<V> = { readonly value: V } | { readonly failure: string };

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
    return { failure: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Task of a loader thread. */
export function prepare({ caseId, role }: PrepareTask): Promise<WorkerAnswer<PreparedCase>> {
  const data = workerData as LoaderWorkerData;
  return answer(async () => {
    reader ??= openReader(data);
    return prepareCase(await (await reader).readCase(caseId, role), data.preprocessing, data.classCount);
  });
}

/** Task of a loader thread. The memory of the crops changes hands without a copy. */
export async function cut(request: CutRequest): Promise<WorkerAnswer<CutResult>> {
  const answered = await answer(() => cutCrops(request));
  if ('failure' in answered) return answered;
  const { image, label } = answered.value;
  const buffers = label === null ? [image.buffer] : [image.buffer, label.buffer];
  // Piscina's name for "post the value, move the buffers"; it arrives as the value.
  return move({
    [transferableSymbol]: buffers,
    [valueSymbol]: answered,
  } as never) as unknown as WorkerAnswer<CutResult>;
}
