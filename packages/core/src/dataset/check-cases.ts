import { createHash } from 'node:crypto';
import {
  affineDifference,
  countLabels,
  formatAffine,
  type Grid,
  type RoundedLabels,
  toLabelVolume,
  type Volume,
} from '@dinomix/volume';
import type { CaseRole, DataProblem } from '../slots/contracts/dataset.js';
import type { CaseFiles } from './case-files.js';
import type { CaseFormat } from './case-format.js';
import { headerProblems, imageWarnings, labelWarnings, roundedWarning } from './findings.js';
import { errorOf, problemOf, warningOf } from './problems.js';
import type { Splits } from './splits.js';

/** What to check: a folder whose cases and split are known. */
export interface CaseCheck {
  readonly root: string;
  readonly cases: readonly CaseFiles[];
  readonly splits: Splits;
  /** Class names by value, background first. */
  readonly classes: readonly string[];
  /** How files are read. */
  readonly format: CaseFormat;
  /** Largest difference of the affines of image and label. */
  readonly tolerance: number;
  /** Cases whose label is never opened, whatever the split says. */
  readonly hidden: readonly string[];
  /** Whether the image of a case is in HU. */
  readonly isCt: (id: string) => boolean;
}

interface Checked {
  readonly problems: readonly DataProblem[];
  /** Digest of the image's voxels; null where they cannot be read. */
  readonly digest: string | null;
  /** Voxels per class; null where there is no label to count. */
  readonly counts: Float64Array | null;
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
  if (imageInfo !== null) {
    const volume = await attempt(() => format.readImage(image), image, id, problems);
    if (volume !== null) {
      problems.push(...imageWarnings(volume, files, check.isCt(id)));
      digest = digestOf(volume);
    }
  }
  const counts = labelInfo === null ? null : await countsOf(files, imageGrid ?? labelInfo.grid, check, problems);
  return { problems: withoutRepeats(problems), digest, counts };
}

/** Image and label may be one file, which is damaged once. */
function withoutRepeats(problems: readonly DataProblem[]): readonly DataProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.file}\n${problem.message}`, problem])).values()];
}

async function countsOf(
  files: CaseFiles,
  grid: Grid,
  { classes, format }: CaseCheck,
  problems: DataProblem[],
): Promise<Float64Array | null> {
  const file = files.label!;
  const onRounded = (rounded: RoundedLabels) => problems.push(roundedWarning(rounded, files));
  const read = async () =>
    toLabelVolume(await format.readLabel(file, grid), { classes: classes.length, file, onRounded });
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
  for (const files of cases) {
    const role = roleOf.get(files.id) ?? null;
    const mayReadLabel = role !== 'unlabelled' && !hidden.has(files.id);
    const { problems: found, digest, counts } = await checkCase(files, mayReadLabel, check);
    yield* found;
    if (digest !== null) yield* duplicateProblem(files, digest, role, seen);
    if (counts === null || role === null) continue;
    const total = totals.get(role) ?? new Float64Array(classes.length);
    totals.set(
      role,
      total.map((sum, value) => sum + counts[value]!),
    );
  }
  yield* absentClasses(totals, classes, root);
}
