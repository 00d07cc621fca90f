import { join } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { errorOf, warningOf } from '../../check/problems.js';
import type { CaseFiles } from '../case-files.js';
import { entriesIn, type FolderEntry } from '../folder-entries.js';
import { endingsText, unreadProblems } from '../unread-entries.js';
import { channelGaps } from './channel-files.js';
import type { DatasetDocument } from './dataset-document.js';
import { type NnunetLayout, stemOf } from './layout.js';

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

/** The files of a folder that are read, and the other entries. */
interface Listing {
  /** Whether the folder is there. */
  readonly isThere: boolean;
  readonly named: readonly Named[];
  readonly rest: readonly FolderEntry[];
}

/** A letter may be written in several ways (macOS takes others than Linux): ids are compared in one. */
function plainStem(name: string): string {
  return name.normalize('NFC');
}

/** Files with one of the endings, and folders where they are taken. */
async function listFolder(
  folder: string,
  endings: readonly string[],
  takesFolders: boolean,
  problems: DataProblem[],
): Promise<Listing> {
  const entries = await entriesIn(folder, problems);
  const named: Named[] = [];
  const rest: FolderEntry[] = [];
  for (const entry of entries ?? []) {
    const { name, file, kind } = entry;
    const isTaken = kind === 'file' || (kind === 'folder' && takesFolders);
    const stem = isTaken ? (stemOf(name, endings) ?? (kind === 'folder' ? name : null)) : null;
    if (stem === null) rest.push(entry);
    else named.push({ stem: plainStem(stem), file });
  }
  return { isThere: entries !== null, named, rest: rest.filter(({ name }) => !isVoxelFile(name, named)) };
}

/** Whether a file holds the voxels beside a header that is read. */
function isVoxelFile(name: string, named: readonly Named[]): boolean {
  if (!/\.(?:z?raw|img|bin)(?:\.gz)?$/i.test(name)) return false;
  return named.some(({ file, stem }) => /\.(?:mhd|nhdr)$/i.test(file) && plainStem(name).startsWith(`${stem}.`));
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
    ...listed.map((name) => plainStem(stemOf(name, imageEndings) ?? name)),
  ]);
  return !images.some(({ stem }) => known.has(stem));
}

interface PartRequest {
  readonly images: Listing;
  readonly labels: Listing;
  readonly channel: number;
  readonly withChannels: boolean;
  /** Names of labels that images have without a channel number, though they should have one. */
  readonly unnumbered: ReadonlySet<string>;
  readonly isTest: boolean;
}

/** What a part of the folder holds. */
interface Part {
  readonly cases: readonly CaseFiles[];
  /** Files by case and channel. */
  readonly channelsOf: ReadonlyMap<string, ReadonlyMap<number, string>>;
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

/** Case and channel of an image by its name; null where a channel number is due and is not there. */
function placeOf(
  stem: string,
  { withChannels, channel, unnumbered }: Pick<PartRequest, 'withChannels' | 'channel' | 'unnumbered'>,
): readonly [id: string, channel: number] | null {
  if (!withChannels) return [stem, channel];
  const match = unnumbered.has(stem) ? null : /^(.+)_(\d{4})$/.exec(stem);
  return match === null ? null : [match[1]!, Number(match[2])];
}

function casesOf(request: PartRequest, problems: DataProblem[]): Part {
  const { images, labels, channel, isTest } = request;
  const labelOf = labelsById(labels.named, problems);
  const channelsOf = new Map<string, Map<number, string>>();
  const nameless = new Set<string>();
  for (const { stem, file } of images.named) {
    const place = placeOf(stem, request);
    if (place === null) {
      nameless.add(stem);
      const fix = `rename it to ${stem}_0000${file.slice(file.lastIndexOf(stem) + stem.length)}`;
      const message = 'has no channel number in its name';
      problems.push(errorOf({ file, caseId: stem, message, fix, absent: [stem] }));
      continue;
    }
    const [id, number] = place;
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
    if (channelsOf.has(stem) || nameless.has(stem)) continue;
    const fix = 'add its image, or remove the label';
    problems.push(errorOf({ file, caseId: stem, message: 'is a label without an image', fix, absent: [stem] }));
  }
  return { cases, channelsOf };
}

/**
 * Images that are to carry a channel number and have the names of labels without one, ids that end in four digits. Where there
 * are such, so are the others that no label tells apart.
 */
function unnumberedNames(images: readonly Named[], labels: readonly Named[]): ReadonlySet<string> {
  const known = new Set(labels.map(({ stem }) => stem));
  const suspects = images.map(({ stem }) => stem).filter((stem) => !known.has(stem.replace(/_\d{4}$/, '')));
  return new Set(suspects.some((stem) => known.has(stem)) ? suspects : []);
}

function unreadOf(
  { images, labels, withChannels, channel, unnumbered }: PartRequest,
  { cases, channelsOf }: Part,
  document: DatasetDocument,
  layout: NnunetLayout,
): DataProblem[] {
  const labelled = new Set(cases.filter(({ label }) => label !== null).map(({ id }) => id));
  const imageEndings = endingsOf(document, layout);
  const labelEndings = layout.labelEndings ?? imageEndings;
  const fixOf = (endings: readonly string[]) => (name: string, stem: string) => {
    const ending = name.slice(stem.length);
    const known = endings.find((one) => one === ending.toLowerCase());
    if (known !== undefined) return `rename it to ${stem}${known}`;
    if (!layout.imageEndings.includes(ending)) return layout.otherEndings;
    return `write it as ${stem}${endings[0]}, or leave "file_ending" out of dataset.json: then ${endingsText(layout.imageEndings)} are read`;
  };
  return [
    ...unreadProblems(images.rest, {
      kind: 'image',
      endings: imageEndings,
      caseOf: (stem) => placeOf(plainStem(stem), { withChannels, channel, unnumbered })?.[0] ?? null,
      has: (id) => channelsOf.has(id),
      fixOf: fixOf(imageEndings),
    }),
    ...unreadProblems(labels.rest, {
      kind: 'label',
      endings: labelEndings,
      caseOf: plainStem,
      has: (id) => labelled.has(id),
      fixOf: fixOf(labelEndings),
    }),
  ];
}

function endingsOf({ ending }: DatasetDocument, { imageEndings }: NnunetLayout): readonly string[] {
  return ending === null ? imageEndings : [ending];
}

/** Lists the cases of `imagesTr`, `labelsTr`, `imagesTs` and, where it is there, `labelsTs`. Opens no image. */
export async function scanCases(
  root: string,
  document: DatasetDocument,
  channel: number,
  layout: NnunetLayout,
): Promise<Scan> {
  const problems: DataProblem[] = [];
  const endings = endingsOf(document, layout);
  const listImages = (name: string) => listFolder(join(root, name), endings, layout.takesFolders, problems);
  const listLabels = (name: string) => listFolder(join(root, name), layout.labelEndings ?? endings, false, problems);
  const images = await listImages('imagesTr');
  const labels = await listLabels('labelsTr');
  const testImages = await listImages('imagesTs');
  const testLabels = await listLabels('labelsTs');
  if (images.named.length === 0) {
    const message = images.isThere ? `has no image that ends in ${endingsText(endings)}` : 'is not there';
    problems.push(errorOf({ file: join(root, 'imagesTr'), message, fix: 'put the training images there' }));
  }
  const withChannels = hasChannels(document, [...images.named, ...testImages.named], labels.named, layout);
  const unnumbered = unnumberedNames([...images.named, ...testImages.named], [...labels.named, ...testLabels.named]);
  const shared = { channel, withChannels, unnumbered };
  const requests = [
    { ...shared, images, labels, isTest: false },
    { ...shared, images: testImages, labels: testLabels, isTest: true },
  ] as const;
  const [training, test] = [casesOf(requests[0], problems), casesOf(requests[1], problems)];
  problems.push(...unreadOf(requests[0], training, document, layout), ...unreadOf(requests[1], test, document, layout));
  problems.push(...(await unreadFolders(root)));
  if (withChannels) problems.push(...channelGaps([training.channelsOf, test.channelsOf], document.channels, root));
  const ids = new Set(training.cases.map(({ id }) => id));
  for (const { id, image } of test.cases.filter((one) => ids.has(one.id))) {
    const fix = 'rename one of them';
    problems.push(errorOf({ file: image, caseId: id, message: `"${id}" is in imagesTr and in imagesTs`, fix }));
  }
  problems.push(...listProblems(root, document, training.cases, layout));
  // Cases that lack a file are told of one by one, and the number fits when they are there.
  const isWhole = problems.every(({ absent = [] }) => absent.length === 0);
  if (isWhole) problems.push(...countProblems(root, document, training.cases));
  const frame = !withChannels && document.channels.length > 1 ? channel : null;
  return { cases: [...training.cases, ...test.cases.filter(({ id }) => !ids.has(id))], problems, frame, withChannels };
}

/** Folders beside those of the layout whose names promise images or labels. */
async function unreadFolders(root: string): Promise<DataProblem[]> {
  const known = ['imagesTr', 'labelsTr', 'imagesTs', 'labelsTs'];
  const entries = (await entriesIn(root, [])) ?? [];
  return entries
    .filter(({ name, kind }) => kind !== 'file' && /^(?:images|labels)/i.test(name) && !known.includes(name))
    .map(({ file }) => {
      const fix = 'move what should be used to imagesTr, labelsTr, imagesTs and labelsTs';
      return warningOf({ file, message: `is not read: the layout has ${known.join(', ')}`, fix });
    });
}

/** Images that the list `training` names and imagesTr does not have. */
function listProblems(
  root: string,
  { listed }: DatasetDocument,
  training: readonly CaseFiles[],
  { imageEndings }: NnunetLayout,
): DataProblem[] {
  const known = new Set(training.map(({ id }) => id));
  const idOf = (name: string) => plainStem(stemOf(name, imageEndings) ?? name);
  const absent = listed.filter((name) => !known.has(idOf(name)) && !known.has(idOf(name).replace(/_\d{4}$/, '')));
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
  return [errorOf({ file: join(root, 'dataset.json'), message, fix, absent: [] })];
}
