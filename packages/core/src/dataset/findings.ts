import type { RoundedLabels, Volume } from '@dinomix/volume';
import type { DataProblem } from '../slots/contracts/dataset.js';
import type { CaseFiles } from './case-files.js';
import type { FileInspection } from './case-format.js';
import { errorOf, warningOf } from './problems.js';

// Finer than any scanner of a body, and coarser than any.
const FINEST_SPACING = 0.05;
const COARSEST_SPACING = 50;
// What a CT holds that was stored without its RescaleIntercept.
const USUAL_SHIFT = 1024;

/** What a header tells: lengths in another unit than millimetres, labels stored as real numbers, notes of the format. */
export function headerProblems(
  { grid, datatype, unit, notes = [] }: FileInspection,
  file: string,
  caseId: string,
  kind: 'image' | 'label',
): DataProblem[] {
  const problems: DataProblem[] = notes.map((note) => ({ ...note, file, caseId }));
  const spacing = grid.spacing.map((step) => Number(step.toPrecision(4))).join(' x ');
  const isPossible = grid.spacing.every((step) => step >= FINEST_SPACING && step <= COARSEST_SPACING);
  if (unit !== undefined || !isPossible) {
    const message =
      `has the spacing ${spacing} (z, y, x), which is read as millimetres` +
      (unit === undefined ? '; no scan of a body has it' : `; its header says ${unit}`);
    const fix = 'write the voxel size in millimetres into the header, into pixdim and into both matrices';
    problems.push(isPossible ? warningOf({ file, caseId, message, fix }) : errorOf({ file, caseId, message, fix }));
  }
  if (kind === 'label' && datatype?.startsWith('float')) {
    const message = `stores its labels as ${datatype}`;
    const fix =
      'check that it was not resampled with interpolation, which makes other classes at borders; write it as uint8';
    problems.push(warningOf({ file, caseId, message, fix }));
  }
  return problems;
}

/** What intensities tell: a constant image, a CT that is not in HU. */
export function imageWarnings({ data }: Volume, { image: file, id: caseId }: CaseFiles, isCt: boolean): DataProblem[] {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (lowest === highest) {
    return [warningOf({ file, caseId, message: `is ${lowest} everywhere`, fix: 'fetch or write the file again' })];
  }
  if (!isCt || lowest < -200) return [];
  const isShifted = lowest >= 0 && highest > USUAL_SHIFT;
  const message =
    `holds ${lowest} to ${highest}; a CT in HU has air near -1000` +
    (isShifted ? `: it looks shifted by ${USUAL_SHIFT}` : '');
  const fix = isShifted
    ? `subtract ${USUAL_SHIFT}, or write scl_inter ${-USUAL_SHIFT}: the RescaleIntercept of the DICOM files was left out`
    : 'check that the intensities are HU and were not shifted or scaled';
  return [warningOf({ file, caseId, message, fix })];
}

/** A label without any class. */
export function labelWarnings(counts: Float64Array, { label, id: caseId }: CaseFiles): DataProblem[] {
  if (counts.subarray(1).some((count) => count > 0)) return [];
  const fix = 'check that the right file was taken; a case without any organ teaches background only';
  return [warningOf({ file: label!, caseId, message: 'has no foreground voxel', fix })];
}

/** Labels that are whole numbers up to rounding only, and were taken as them. */
export function roundedWarning({ voxels, largest }: RoundedLabels, { label, id: caseId }: CaseFiles): DataProblem {
  const message = `${voxels} of its labels were whole up to ${largest.toPrecision(1)}, and are taken as whole numbers`;
  return warningOf({
    file: label!,
    caseId,
    message,
    fix: 'nothing is to be done; written as uint8 they would be whole',
  });
}
