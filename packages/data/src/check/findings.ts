import type { DataProblem } from '@dinomix/core';
import type { Grid, RoundedLabels } from '@dinomix/volume';
import type { CaseFiles } from '../layouts/case-files.js';
import type { FileInspection } from '../layouts/case-format.js';
import { errorOf, warningOf } from './problems.js';

// Finer than any scanner of a body, and coarser than any.
const FINEST_SPACING = 0.05;
const COARSEST_SPACING = 50;
// Cosine of the angle between two axes above which they are not taken to be square: beyond what headers are rounded to.
const LARGEST_SHEAR = 1e-3;

/** The largest cosine of an angle between two axes of a grid; 0 where they are square. */
function shearOf({ affine, spacing }: Grid): number {
  const product = (a: 0 | 1 | 2, b: 0 | 1 | 2) =>
    affine.slice(0, 3).reduce((sum, row) => sum + row[a] * row[b], 0) / (spacing[2 - a]! * spacing[2 - b]!);
  return Math.max(Math.abs(product(0, 1)), Math.abs(product(0, 2)), Math.abs(product(1, 2)));
}

/** What a header tells: lengths in another unit than millimetres, sheared axes, labels stored as real numbers, notes of the format. */
export function headerProblems(
  { grid, datatype, unit, notes = [] }: FileInspection,
  file: string,
  caseId: string,
  kind: 'image' | 'label',
): DataProblem[] {
  const problems: DataProblem[] = notes.map((note) => ({ ...note, file, caseId }));
  const spacing = grid.spacing.map((step) => Number(step.toPrecision(4))).join(' x ');
  const isPossible = grid.spacing.every((step) => step >= FINEST_SPACING && step <= COARSEST_SPACING);
  if ((unit !== undefined && unit !== null) || !isPossible) {
    const message =
      `has the spacing ${spacing} (z, y, x), which is read as millimetres` +
      (unit == null ? '; no scan of a body has it' : `; its header says ${unit}`);
    const fix = 'write the voxel size in millimetres into the header, into pixdim and into both matrices';
    problems.push(isPossible ? warningOf({ file, caseId, message, fix }) : errorOf({ file, caseId, message, fix }));
  }
  const shear = shearOf(grid);
  if (shear > LARGEST_SHEAR) {
    const degrees = ((Math.acos(shear) * 180) / Math.PI).toFixed(2);
    const message = `has axes that are not square to each other: two of them meet at ${degrees} degrees`;
    const fix =
      'resample it onto a straight grid; the network sees its voxels as if they were square, and ITK refuses the file';
    problems.push(warningOf({ file, caseId, message, fix }));
  }
  if (kind === 'label' && datatype?.startsWith('float')) {
    const message = `stores its labels as ${datatype}`;
    const fix =
      'check that it was not resampled with interpolation, which makes other classes at borders; write it as uint8';
    problems.push(warningOf({ file, caseId, message, fix }));
  }
  return problems;
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
