import type { Dataset } from '@dinomix/core';
import { createCaseWorkers } from '../loader/case-workers.js';
import { casesOf, eachCase } from './each-case.js';
import type { CaseSurvey } from './survey-case.js';

/** What {@link surveyDataset} takes. */
export interface SurveyOptions {
  /** Worker threads; 0 works in the calling thread. */
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onCase: (survey: CaseSurvey, done: number, total: number) => void;
}

/** Reads every case of the splits and describes it. @throws DMX_CASE_UNUSABLE, the reason of `signal`. */
export async function surveyDataset(dataset: Dataset, options: SurveyOptions): Promise<readonly CaseSurvey[]> {
  const { preprocessing, workerSource, classes } = dataset;
  const workers = createCaseWorkers(
    { reader: dataset, workerSource, preprocessing, classCount: classes.length },
    options.workers,
  );
  const cases = casesOf(dataset);
  let done = 0;
  try {
    return await eachCase(cases, options.workers, options.signal, async ({ caseId, role }) => {
      const survey = await workers.survey(caseId, role);
      options.onCase(survey, ++done, cases.length);
      return survey;
    });
  } finally {
    await workers.dispose();
  }
}
