import { createHash } from 'node:crypto';
import type { CaseRole, DataProblem, NormalisationStep } from '@dinomix/core';
import {
  affineDifference,
  countLabels,
  formatAffine,
  type Grid,
  type RoundedLabels,
  type Volume,
} from '@dinomix/volume';
import type { CaseFiles } from '../layouts/case-files.js';
import type { CaseFormat } from '../layouts/case-format.js';
import { type LabelValues, toClassVolume } from '../layouts/label-values.js';
import type { Splits } from '../splits/splits.js';
import { headerProblems, labelWarnings, roundedWarning } from './findings.js';
import { constantProblem, intensityProblems, looksLikeHu, surveyIntensities } from './intensity-findings.js';
import { errorOf, problemOf, warningOf } from './problems.js';

/** What to check: a folder whose cases and split are known. */
export interface CaseCheck {
  readonly root: string;
  readonly cases: readonly CaseFiles[];
  readonly splits: Splits;
  /** Class names by value, background first. */
  readonly classes: readonly string[];
  /** Class by value in the label files; null where values are classes. */
  readonly labelValues: LabelValues | null;
  /** How files are read. */
  readonly format: CaseFormat;
  /** Largest difference of the affines of image and label. */
  readonly tolerance: number;
  /** Cases whose label is never opened, whatever the split says. */
  readonly hidden: readonly string[];
  /** What is done to intensities before the network sees them. */
  readonly steps: readonly NormalisationStep[];
  /** Whether the image of a case is in HU. */
  readonly isCt: (id: string) => boolean;
  /** Whether it was said what intensities are; where not, images that look like a CT in HU are told of. */
  readonly knowsUnit: boolean;
}

interface Checked {
  readonly problems: readonly DataProblem[];
  /** Digest of the image's voxels; null where they cannot be read. */
  readonly digest: string | null;
  /** Voxels per class; null where there is no label to count. */
  readonly counts: Float64Array | null;
  /** Whether the header of the image leaves the unit of length open. */
  readonly isUnitless: boolean;
  /** Whether the image looks like a CT in HU and is not said to be one. */
  readonly isHiddenCt: boolean;
}

const ROLES: readonly CaseRole[] = ['labelled', 'unlabelled', 'validation', 'test'];

function shapeText({ shape }: Grid): string {
  return `[${shape}]`;
}

function gridProblem(image: Grid, label: Grid, files: CaseFiles, tolerance: number): DataProblem[] {
  const [file, caseId] = [files.label!, files.id];
  if (image.shape.some((size, axis) => size !== label.shape[axis])) {
    const message = `has the shape ${shapeText(label)} (z, y, x), its image ${files.image} has ${shapeText(image)}`;
    return [errorOf({ file, caseId, message, fix: 'resample one onto the grid of the other, or exchange the file' })];
  }
  const difference = affineDifference(image.affine, label.affine);
  if (difference <= tolerance) return [];
  const message =
    `has an affine that differs by ${difference.toPrecision(4)} from that of its image:\n` +
    `${formatAffine(label.affine)}\n image:\n${formatAffine(image.affine)}`;
  const fix =
    'copy the affine of the image if the voxels coincide (look at an overlay), or raise the option "tolerance"';
  return [errorOf({ file, caseId, message, fix })];
}

async function attempt<V>(
  work: () => Promise<V>,
  file: string,
  id: string,
  problems: DataProblem[],
): Promise<V | null> {
  try {
    return await work();
  } catch (thrown) {
    problems.push(problemOf(thrown, file, id));
    return null;
  }
}

function digestOf({ data, shape }: Volume): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(JSON.stringify(shape)).update(bytes).digest('hex');
}

async function checkCase(files: CaseFiles, mayReadLabel: boolean, check: CaseCheck): Promise<Checked> {
  const problems: DataProblem[] = [];
  const { format, tolerance } = check;
  const { id, image } = files;
  const label = mayReadLabel ? files.label : null;
  const imageInfo = await attempt(() => format.inspectImage(image), image, id, problems);
  const imageGrid = imageInfo?.grid ?? null;
  const labelInfo =
    label === null ? null : await attempt(() => format.inspectLabel(label, imageGrid), label, id, problems);
  if (imageInfo !== null) problems.push(...headerProblems(imageInfo, image, id, 'image'));
  if (labelInfo !== null) problems.push(...headerProblems(labelInfo, label!, id, 'label'));
  if (imageGrid !== null && labelInfo !== null) {
    problems.push(...gridProblem(imageGrid, labelInfo.grid, files, tolerance));
  }
  let digest: string | null = null;
  let isHiddenCt = false;
  if (imageInfo !== null) {
    const volume = await attempt(() => format.readImage(image), image, id, problems);
    if (volume !== null) {
      const isCt = check.isCt(id);
      const survey = surveyIntensities(volume.data);
      const constant = constantProblem(volume, survey, files, check.steps);
      problems.push(...(constant === null ? [] : [constant]));
      if (survey.lowest < survey.highest) problems.push(...intensityProblems(survey, volume.data.length, files, isCt));
      digest = digestOf(volume);
      isHiddenCt = !isCt && !check.knowsUnit && looksLikeHu(survey);
    }
  }
  const counts = labelInfo === null ? null : await countsOf(files, imageGrid ?? labelInfo.grid, check, problems);
  const isUnitless = imageInfo?.unit === null;
  return { problems: withoutRepeats(problems), digest, counts, isUnitless, isHiddenCt };
}

/** Image and label may be one file, which is damaged once. */
function withoutRepeats(problems: readonly DataProblem[]): readonly DataProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.file}\n${problem.message}`, problem])).values()];
}

async function countsOf(
  files: CaseFiles,
  grid: Grid,
  { classes, labelValues, format }: CaseCheck,
  problems: DataProblem[],
): Promise<Float64Array | null> {
  const file = files.label!;
  const onRounded = (rounded: RoundedLabels) => problems.push(roundedWarning(rounded, files));
  const target = { classCount: classes.length, labelValues, onRounded };
  const read = async () => toClassVolume(await format.readLabel(file, grid), target, file);
  const volume = await attempt(read, file, files.id, problems);
  if (volume === null) return null;
  const counts = countLabels(volume.data, classes.length);
  problems.push(...labelWarnings(counts, files));
  return counts;
}

interface Seen {
  readonly id: string;
  readonly image: string;
  readonly role: CaseRole | null;
}

/** Tells of an image that was met under another id: an error where a label that is learned is measured too. */
function duplicateProblem(
  files: CaseFiles,
  digest: string,
  role: CaseRole | null,
  seen: Map<string, Seen>,
): DataProblem[] {
  const first = seen.get(digest);
  if (first === undefined) {
    seen.set(digest, { id: files.id, image: files.image, role });
    return [];
  }
  const roles = [first.role, role];
  const crosses = role !== first.role && roles.some((one) => one === 'validation' || one === 'test');
  const parts = crosses ? `, ${first.role ?? 'unused'}; this one is ${role ?? 'unused'}` : '';
  const message = `has the same voxels as ${first.image} (case "${first.id}"${parts})`;
  const finding = { file: files.image, caseId: files.id, message };
  if (crosses && !roles.includes('unlabelled') && !roles.includes(null)) {
    return [errorOf({ ...finding, fix: 'remove one of the two: results would be measured on what was learned' })];
  }
  return [
    warningOf({
      ...finding,
      fix: crosses ? 'remove one of the two, or report the result as transductive' : 'remove one of the two',
    }),
  ];
}

function absentClasses(
  totals: ReadonlyMap<CaseRole, Float64Array>,
  classes: readonly string[],
  root: string,
): DataProblem[] {
  const absent = (role: CaseRole) => {
    const counts = totals.get(role);
    return counts === undefined
      ? []
      : classes.map((name, value) => ({ name, value })).filter(({ value }) => counts[value] === 0);
  };
  const list = (found: readonly { readonly name: string; readonly value: number }[]) =>
    found.map(({ name, value }) => `"${name}" (${value})`).join(', ');
  const problems: DataProblem[] = [];
  const missing = absent('labelled');
  if (missing.length > 0) {
    const message = `no labelled case contains ${list(missing)}`;
    problems.push(errorOf({ file: root, message, fix: 'choose another split, or leave the class out' }));
  }
  for (const role of ['validation', 'test'] as const) {
    const found = absent(role);
    if (found.length === 0) continue;
    const message = `no ${role} case contains ${list(found)}`;
    problems.push(warningOf({ file: root, message, fix: 'choose another split to measure it' }));
  }
  return problems;
}

/** What is the same for many images, told once. */
function commonProblems(checked: readonly Pick<Checked, 'isUnitless' | 'isHiddenCt'>[], root: string): DataProblem[] {
  const problems: DataProblem[] = [];
  const unitless = checked.filter((one) => one.isUnitless).length;
  const hidden = checked.filter((one) => one.isHiddenCt).length;
  const of = `of ${checked.length} images`;
  if (unitless > 0) {
    const message = `the headers of ${unitless} ${of} name no unit of length; millimetres are taken`;
    const fix = 'nothing is to be done where that is right; the unit of NIfTI files is xyzt_units, 2 for mm';
    problems.push(warningOf({ file: root, message, fix }));
  }
  if (hidden > 0) {
    const message = `${hidden} ${of} look like a CT in HU and are not said to be one: they are clipped to percentiles`;
    const fix = 'name the channel "CT" in dataset.json, or set the option "window" to [low, high] or "percentiles"';
    problems.push(warningOf({ file: root, message, fix }));
  }
  return problems;
}

/**
 * Yields every problem of the cases, file by file, without stopping at the first: headers, voxels, geometry and label
 * values of each case; duplicates; classes that no labelled case has. The label of an unlabelled case is not opened.
 */
export async function* checkCases(check: CaseCheck): AsyncGenerator<DataProblem> {
  const { root, cases, splits, classes } = check;
  const roleOf = new Map(ROLES.flatMap((role) => splits[role].map((id): [string, CaseRole] => [id, role])));
  const hidden = new Set(check.hidden);
  const totals = new Map<CaseRole, Float64Array>();
  const seen = new Map<string, Seen>();
  const common: Pick<Checked, 'isUnitless' | 'isHiddenCt'>[] = [];
  for (const files of cases) {
    const role = roleOf.get(files.id) ?? null;
    const mayReadLabel = role !== 'unlabelled' && !hidden.has(files.id);
    const { problems: found, digest, counts, isUnitless, isHiddenCt } = await checkCase(files, mayReadLabel, check);
    common.push({ isUnitless, isHiddenCt });
    yield* found;
    if (digest !== null) yield* duplicateProblem(files, digest, role, seen);
    if (counts === null || role === null) continue;
    const total = totals.get(role) ?? new Float64Array(classes.length);
    totals.set(
      role,
      total.map((sum, value) => sum + counts[value]!),
    );
  }
  yield* commonProblems(common, root);
  yield* absentClasses(totals, classes, root);
}
