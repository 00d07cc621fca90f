import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataProblem } from '../../slots/contracts/dataset.js';
import type { CaseFiles } from '../case-files.js';
import { errorOf, warningOf } from '../problems.js';
import type { DatasetDocument } from './document.js';
import { endingsText, type NnunetLayout, stemOf } from './layout.js';

/** The cases of a folder in the order of their ids. */
export interface Scan {
  readonly cases: readonly CaseFiles[];
  readonly problems: readonly DataProblem[];
  /** Which volume along the fourth axis of an image is the channel; null where each channel is a file, or there is one. */
  readonly frame: number | null;
  /** Whether image names end in a channel number, as `case_0000`. */
  readonly withChannels: boolean;
}

interface Named {
  readonly stem: string;
  readonly file: string;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Files with one of the endings, and folders where they are taken; null where the folder is not there. */
async function namedIn(folder: string, endings: readonly string[], takesFolders: boolean): Promise<Named[] | null> {
  const names = await readdir(folder).catch(() => null);
  if (names === null) return null;
  const found: Named[] = [];
  for (const name of names.sort()) {
    if (name.startsWith('.')) continue;
    const file = join(folder, name);
    const stem = stemOf(name, endings) ?? (takesFolders && (await isFolder(file)) ? name : null);
    if (stem !== null) found.push({ stem, file });
  }
  return found;
}

// nnU-Net appends the channel to image names (case_0000.nii.gz); the Decathlon and AMOS do not, and AMOS ids end in four
// digits as well. An image that a label or the document calls by its whole name has no channel in it.
function hasChannels(
  { form, listed }: DatasetDocument,
  images: readonly Named[],
  labels: readonly Named[],
  { imageEndings }: NnunetLayout,
): boolean {
  if (form === 2) return true;
  const known = new Set([
    ...labels.map(({ stem }) => stem),
    ...listed.map((name) => stemOf(name, imageEndings) ?? name),
  ]);
  return !images.some(({ stem }) => known.has(stem));
}

interface PartRequest {
  readonly images: readonly Named[];
  readonly labels: readonly Named[];
  readonly channel: number;
  readonly withChannels: boolean;
  readonly isTest: boolean;
}

function twinProblem(file: string, other: string, id: string): DataProblem {
  return errorOf({ file, caseId: id, message: `is case "${id}", as is ${other}`, fix: 'remove one of them' });
}

function labelsById(labels: readonly Named[], problems: DataProblem[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { stem, file } of labels) {
    const other = found.get(stem);
    if (other === undefined) found.set(stem, file);
    else problems.push(twinProblem(file, other, stem));
  }
  return found;
}

function casesOf({ images, labels, channel, withChannels, isTest }: PartRequest, problems: DataProblem[]): CaseFiles[] {
  const labelOf = labelsById(labels, problems);
  const channelsOf = new Map<string, Map<number, string>>();
  for (const { stem, file } of images) {
    const match = withChannels ? /^(.+)_(\d{4})$/.exec(stem) : null;
    if (withChannels && match === null) {
      const fix = `name the first channel ${stem}_0000`;
      problems.push(errorOf({ file, message: 'has no channel number in its name', fix }));
      continue;
    }
    const [id, number] = match === null ? [stem, channel] : [match[1]!, Number(match[2])];
    const files = channelsOf.get(id) ?? new Map<number, string>();
    const other = files.get(number);
    if (other === undefined) channelsOf.set(id, files.set(number, file));
    else problems.push(twinProblem(file, other, id));
  }
  const cases: CaseFiles[] = [];
  for (const [id, files] of channelsOf) {
    const image = files.get(channel);
    if (image === undefined) {
      const [file] = files.values();
      const message = `case "${id}" has the channels ${[...files.keys()].join(', ')}, not ${channel}`;
      const fix = 'add the file, or choose another channel';
      problems.push(errorOf({ file: file!, caseId: id, message, fix, absent: [id] }));
      continue;
    }
    cases.push({ id, image, label: labelOf.get(id) ?? null, isTest });
  }
  for (const [stem, file] of labelOf) {
    if (channelsOf.has(stem)) continue;
    const fix = 'add its image, or remove the label';
    problems.push(errorOf({ file, caseId: stem, message: 'is a label without an image', fix, absent: [stem] }));
  }
  return cases;
}

/** Lists the cases of `imagesTr`, `labelsTr`, `imagesTs` and, where it is there, `labelsTs`. Opens no image. */
export async function scanCases(
  root: string,
  document: DatasetDocument,
  channel: number,
  layout: NnunetLayout,
): Promise<Scan> {
  const problems: DataProblem[] = [];
  const endings = document.ending === null ? layout.imageEndings : [document.ending];
  const imagesOf = async (name: string) => namedIn(join(root, name), endings, layout.takesFolders);
  const labelsOf = async (name: string) => namedIn(join(root, name), layout.labelEndings ?? endings, false);
  const [images, labels, testImages, testLabels] = await Promise.all([
    imagesOf('imagesTr'),
    labelsOf('labelsTr'),
    imagesOf('imagesTs'),
    labelsOf('labelsTs'),
  ]);
  if (images === null || images.length === 0) {
    const message = images === null ? 'is not there' : `has no image that ends in ${endingsText(endings)}`;
    problems.push(errorOf({ file: join(root, 'imagesTr'), message, fix: 'put the training images there' }));
  }
  const withChannels = hasChannels(document, [...(images ?? []), ...(testImages ?? [])], labels ?? [], layout);
  const shared = { channel, withChannels };
  const training = casesOf({ ...shared, images: images ?? [], labels: labels ?? [], isTest: false }, problems);
  const test = casesOf({ ...shared, images: testImages ?? [], labels: testLabels ?? [], isTest: true }, problems);
  const ids = new Set(training.map(({ id }) => id));
  const clashes = test.filter(({ id }) => ids.has(id));
  for (const { id, image } of clashes) {
    const fix = 'rename one of them';
    problems.push(errorOf({ file: image, caseId: id, message: `"${id}" is in imagesTr and in imagesTs`, fix }));
  }
  problems.push(...listProblems(root, document, training, layout), ...countProblems(root, document, training));
  const frame = !withChannels && document.channels.length > 1 ? channel : null;
  return { cases: [...training, ...test.filter(({ id }) => !ids.has(id))], problems, frame, withChannels };
}

/** Images that the list `training` names and imagesTr does not have. */
function listProblems(
  root: string,
  { listed }: DatasetDocument,
  training: readonly CaseFiles[],
  { imageEndings }: NnunetLayout,
): DataProblem[] {
  const known = new Set(training.map(({ id }) => id));
  const absent = listed.filter((name) => !known.has(stemOf(name, imageEndings) ?? name));
  if (absent.length === 0) return [];
  const message = `"training" lists ${absent.length} images that are not in imagesTr: ${absent.join(' ')}`;
  const fix = 'unpack the archive again, or take them out of the list; the cases that are there are used';
  return [warningOf({ file: join(root, 'dataset.json'), message, fix })];
}

function countProblems(root: string, document: DatasetDocument, training: readonly CaseFiles[]): DataProblem[] {
  const pairs = training.filter(({ label }) => label !== null).length;
  const { numTraining } = document;
  if (numTraining === null || numTraining === pairs || numTraining === training.length) return [];
  const message = `announces ${numTraining} training cases; there are ${training.length}, ${pairs} with a label`;
  const fix = 'correct numTraining, or fetch the files that are missing';
  return [warningOf({ file: join(root, 'dataset.json'), message, fix })];
}
