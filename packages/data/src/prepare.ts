// Cases as training reads them: surveyed, prepared, kept, and cut into crops. `@dinomix/data/prepare`.

export { createDonorBank } from './crops/donor-bank.js';
export { automaticSteps } from './crops/sampling.js';
export { DATA_ERROR_CODES, type DataErrorCode, dataError } from './errors.js';
export { type BusyFolder, holderOf, lockFolder, waitText } from './folder-lock.js';
export { bodyBox } from './prepare/body-box.js';
export { type CasePlace, casesOf, eachCase } from './prepare/each-case.js';
export { type CountedDataset, countDataset } from './prepare/facts.js';
export { withLeftOut } from './prepare/left-out.js';
export { type PreparedCase, prepareCase, workingShape } from './prepare/prepare-case.js';
export {
  type PreparationOptions,
  type PreparationReport,
  type PreparedEntry,
  prepareDataset,
} from './prepare/prepare-dataset.js';
export { preparedDigests, preparedShape, stalePrepared } from './prepare/prepared-marks.js';
export { type CaseSurvey, SURVEY_PERCENTILES } from './prepare/survey-case.js';
export { type SurveyOptions, surveyDataset } from './prepare/survey-dataset.js';
export { fieldOf } from './prepare/trained-images.js';
