import type { DataProblem, NormalisationStep } from '@dinomix/core';
import type { Volume, VoxelArray } from '@dinomix/volume';
import type { CaseFiles } from '../layouts/case-files.js';
import { errorOf, warningOf } from './problems.js';

/** What the intensities of an image are like. */
export interface IntensitySurvey {
  readonly lowest: number;
  readonly highest: number;
  /** The one value that more than half of the voxels may have. */
  readonly candidate: number;
  /** Voxels that can be negative HU read as 16 bits without sign: 61440 to 65535. */
  readonly wrapped: number;
  /** Voxels from 32768 on below those: no HU, wrapped or not. */
  readonly between: number;
}

type ImageFiles = Pick<CaseFiles, 'image' | 'id'>;

// What a CT holds that was stored without its RescaleIntercept.
const USUAL_SHIFT = 1024;
const SIGN = 2 ** 15;
const LOWEST_WRAPPED = 2 ** 16 - 4096;
// Air alone is more; a few voxels of metal are less.
const WRAPPED_SHARE = 0.001;
// Air, and what scanners write outside of their field of view.
const AIR = [-4096, -900] as const;

/** Looks at every voxel once. */
export function surveyIntensities(data: VoxelArray): IntensitySurvey {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // Boyer and Moore's vote: whatever more than half of the voxels have is left.
  let [candidate, votes] = [Number.NaN, 0];
  let [wrapped, between] = [0, 0];
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    if (value === candidate) votes++;
    else if (votes > 0) votes--;
    else {
      candidate = value;
      votes = 1;
    }
    if (value >= LOWEST_WRAPPED) wrapped++;
    else if (value >= SIGN) between++;
  }
  return { lowest, highest, candidate, wrapped, between };
}

/** Whether two percentiles of an image are the same value, by the rule of `numpy.percentile`. */
function arePercentilesEqual(data: VoxelArray, candidate: number, low: number, high: number): boolean {
  let [below, equal] = [0, 0];
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value < candidate) below++;
    else if (value === candidate) equal++;
  }
  const position = (percent: number) => (percent / 100) * (data.length - 1);
  return below <= Math.floor(position(low)) && below + equal > Math.ceil(position(high));
}

/** The clip that leaves nothing of an image, in words; null where something is left. */
function emptyingClip(
  data: VoxelArray,
  { lowest, highest, candidate }: IntensitySurvey,
  steps: readonly NormalisationStep[],
): string | null {
  const [first] = steps;
  if (first?.kind === 'clip' && (highest <= first.low || lowest >= first.high))
    return `to [${first.low}, ${first.high}]`;
  if (first?.kind !== 'clip-percentiles') return null;
  return arePercentilesEqual(data, candidate, first.low, first.high)
    ? `to the percentiles ${first.low} and ${first.high}, which are both ${candidate}`
    : null;
}

/** An image of which the network would see one value: as it is, or after the clip of the preparation; null where it varies. */
export function constantProblem(
  { data }: Volume,
  survey: IntensitySurvey,
  { image: file, id: caseId }: ImageFiles,
  steps: readonly NormalisationStep[],
): DataProblem | null {
  const { lowest, highest } = survey;
  if (lowest === highest) {
    const fix = 'fetch or write the file again, or leave the case out';
    return errorOf({ file, caseId, message: `is ${lowest} everywhere`, fix });
  }
  const clip = emptyingClip(data, survey, steps);
  if (clip === null) return null;
  const message = `holds ${lowest} to ${highest}, of which the clip ${clip} leaves one value`;
  const fix =
    'check the unit of its intensities (a CT is in HU), or choose another clip: the option "window" where there is one';
  return errorOf({ file, caseId, message, fix });
}

/** Whether an image looks like a CT in HU: nothing else has values near -1000. */
export function looksLikeHu({ lowest, highest }: IntensitySurvey): boolean {
  return lowest >= AIR[0] && lowest <= AIR[1] && highest > 100;
}

function isWrapped({ lowest, highest, wrapped, between }: IntensitySurvey, count: number): boolean {
  return lowest >= 0 && highest < 2 ** 16 && between === 0 && wrapped >= WRAPPED_SHARE * count;
}

/** What intensities tell: a constant image, a CT that is not in HU. */
export function intensityProblems(
  survey: IntensitySurvey,
  count: number,
  { image: file, id: caseId }: ImageFiles,
  isCt: boolean,
): DataProblem[] {
  const { lowest, highest } = survey;
  if (lowest === highest) {
    return [warningOf({ file, caseId, message: `is ${lowest} everywhere`, fix: 'fetch or write the file again' })];
  }
  if (!isCt || lowest < -200) return [];
  const holds = `holds ${lowest} to ${highest}; a CT in HU has air near -1000`;
  if (isWrapped(survey, count)) {
    const message = `${holds}: negative HU were stored as 16 bits without sign, 65536 too large`;
    const fix = "read the 16 bits with their sign and write the file again: array.astype('uint16').view('int16')";
    return [errorOf({ file, caseId, message, fix })];
  }
  const isShifted = lowest >= 0 && highest > USUAL_SHIFT;
  const message = isShifted ? `${holds}: it looks shifted by ${USUAL_SHIFT}` : holds;
  const fix = isShifted
    ? `subtract ${USUAL_SHIFT}, or write scl_inter ${-USUAL_SHIFT}: the RescaleIntercept of the DICOM files was left out`
    : 'check that the intensities are HU and were not shifted or scaled';
  return [warningOf({ file, caseId, message, fix })];
}

/** {@link intensityProblems} of one image by itself. */
export function imageWarnings({ data }: Volume, files: ImageFiles, isCt: boolean): DataProblem[] {
  return intensityProblems(surveyIntensities(data), data.length, files, isCt);
}
