import type { CaseRole } from '@dinomix/core';
import { reasonOf } from '@dinomix/core';
import { type CutRequest, type CutResult, cutCrops } from '../crops/cut-crops.js';
import { dataError } from '../errors.js';
import type { PreparedCase } from '../prepare/prepare-case.js';
import { prepareStored, type StoredState } from '../prepare/prepare-stored.js';
import { PreparedWriteError } from '../prepare/prepared-file.js';
import { type CaseSurvey, surveyCase } from '../prepare/survey-case.js';
import type { CaseSource } from './case-source.js';
import { openCaseThreads } from './case-threads.js';
import type { WorkerAnswer } from './worker.js';

/** Does the work of the loader: in threads, or where it is called. */
export interface CaseWorkers {
  /** @throws DMX_CASE_UNUSABLE naming the case, DMX_UNLABELLED_LABEL, DMX_PREPARE_WRITE. */
  prepare(caseId: string, role: CaseRole): Promise<PreparedCase>;
  /** Makes sure that the prepared file of a case is there and up to date. @throws as `prepare`. */
  store(caseId: string, role: CaseRole): Promise<StoredState>;
  /** Describes a case as it is before preparation. @throws DMX_CASE_UNUSABLE. */
  survey(caseId: string, role: CaseRole): Promise<CaseSurvey>;
  cut(request: CutRequest): Promise<CutResult>;
  dispose(): Promise<void>;
}

function unusable(caseId: string, role: CaseRole, reason: string, cause?: unknown): Error {
  return dataError('DMX_CASE_UNUSABLE', { caseId, role, reason }, { phase: 'run', cause });
}

/** @throws the error of a case that could not be prepared or kept. */
function failed(
  { caseId, role }: { readonly caseId: string; readonly role: CaseRole },
  { failure, unwritable = false }: { readonly failure: string; readonly unwritable?: boolean },
  cache: string | null,
  cause?: unknown,
): Error {
  if (!unwritable || cache === null) return unusable(caseId, role, failure, cause);
  return dataError('DMX_PREPARE_WRITE', { folder: cache, reason: failure }, { phase: 'run', cause });
}

function checked(prepared: PreparedCase): PreparedCase {
  const { caseId, role, label } = prepared;
  if (role === 'unlabelled' && label !== null) throw dataError('DMX_UNLABELLED_LABEL', { caseId });
  if (role === 'labelled' && label === null) throw unusable(caseId, role, 'The data set gave no label for it.');
  return prepared;
}

function inThisThread({ reader, preprocessing, classCount, cache = null }: CaseSource): CaseWorkers {
  const settings = { preprocessing, classCount, cache };
  const stored = async (caseId: string, role: CaseRole) => {
    try {
      return await prepareStored(reader, caseId, role, settings);
    } catch (thrown) {
      const unwritable = thrown instanceof PreparedWriteError;
      throw failed({ caseId, role }, { failure: reasonOf(thrown), unwritable }, cache, thrown);
    }
  };
  return {
    prepare: async (caseId, role) => checked((await stored(caseId, role)).prepared),
    store: async (caseId, role) => {
      const { prepared, state } = await stored(caseId, role);
      checked(prepared);
      return state;
    },
    survey: async (caseId, role) => {
      try {
        return await surveyCase(reader, caseId, role, classCount);
      } catch (thrown) {
        throw unusable(caseId, role, reasonOf(thrown), thrown);
      }
    },
    cut: async (request) => cutCrops(request),
    dispose: async () => undefined,
  };
}

function inThreads(source: CaseSource, count: number): CaseWorkers {
  const { ask, end } = openCaseThreads(source, count);
  const { cache = null } = source;
  return {
    async prepare(caseId, role) {
      const answer: WorkerAnswer<PreparedCase> = await ask({ caseId, role }, 'prepare');
      if ('failure' in answer) throw failed({ caseId, role }, answer, cache);
      return checked(answer.value);
    },
    async store(caseId, role) {
      const answer: WorkerAnswer<StoredState> = await ask({ caseId, role }, 'store');
      if ('failure' in answer) throw failed({ caseId, role }, answer, cache);
      return answer.value;
    },
    async survey(caseId, role) {
      const answer: WorkerAnswer<CaseSurvey> = await ask({ caseId, role }, 'survey');
      if ('failure' in answer) throw unusable(caseId, role, answer.failure);
      return answer.value;
    },
    async cut(request) {
      const answer: WorkerAnswer<CutResult> = await ask(request, 'cut');
      if ('value' in answer) return answer.value;
      const [crop] = request.crops;
      throw unusable(crop!.caseId, request.labels ? 'labelled' : 'unlabelled', answer.failure);
    },
    dispose: end,
  };
}

/** @param count - threads; 0 works in the calling thread. */
export function createCaseWorkers(source: CaseSource, count: number): CaseWorkers {
  return count === 0 ? inThisThread(source) : inThreads(source, count);
}
