import { readdir } from 'node:fs/promises';
import type { DataProblem } from '@dinomix/core';
import { errorOf, warningOf } from '../check/problems.js';
import type { CaseFiles } from './case-files.js';
import { entriesIn, type FolderEntry } from './folder-entries.js';
import { unreadProblems, volumeStem } from './unread-entries.js';

/** Two folders that belong together. */
export interface PairFolders {
  /** Absolute. */
  readonly images: string;
  readonly labels: string;
  /** Whether the layout keeps these cases for testing. */
  readonly isTest: boolean;
}

/** How file names give case ids: group 1 of each pattern. */
export interface PairNames {
  readonly image: RegExp;
  readonly label: RegExp;
  /** Endings that the patterns take; absent: those of NIfTI files. */
  readonly endings?: readonly string[];
}

/** The cases that were found, in the order of their ids. */
export interface PairScan {
  readonly cases: readonly CaseFiles[];
  readonly problems: readonly DataProblem[];
}

/** The files of a folder whose names give an id, and the other entries. */
interface FilesById {
  readonly files: ReadonlyMap<string, string>;
  readonly rest: readonly FolderEntry[];
}

function idOf(pattern: RegExp, name: string): string | null {
  return pattern.exec(name)?.[1] ?? null;
}

function filesById(entries: readonly FolderEntry[], pattern: RegExp, problems: DataProblem[]): FilesById {
  const files = new Map<string, string>();
  const rest: FolderEntry[] = [];
  for (const entry of entries) {
    const { name, file, kind } = entry;
    const id = idOf(pattern, name);
    if (id === null || kind !== 'file') {
      rest.push(entry);
      continue;
    }
    const first = files.get(id);
    if (first === undefined) files.set(id, file);
    else problems.push(errorOf({ file, caseId: id, message: `is case "${id}", as is ${first}`, fix: 'remove one' }));
  }
  return { files, rest };
}

/** The id of a file that has another ending than those of a pattern, or an ending in other letters. */
function likelyId(pattern: RegExp, stem: string, endings: readonly string[]): string | null {
  for (const ending of endings) {
    const id = idOf(pattern, `${stem}${ending}`) ?? idOf(pattern, `${stem.toLowerCase()}${ending}`);
    if (id !== null) return id;
  }
  return null;
}

function unreadOf(
  kind: 'image' | 'label',
  { files, rest }: FilesById,
  pattern: RegExp,
  endings: readonly string[],
): DataProblem[] {
  return unreadProblems(rest, {
    kind,
    endings,
    caseOf: (stem) => likelyId(pattern, stem, endings),
    has: (id) => files.has(id),
    fixOf: (_, stem) =>
      likelyId(pattern, stem, endings) === null
        ? 'name it as the other files, or take it out of the folder'
        : `write it as ${stem}${endings[0]}`,
  });
}

/** Whether a folder is there. */
export async function isFolder(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}

/** Pairs images with labels by the id in their names, and tells of files that have no partner. Opens no file. */
export async function scanPairs(folders: readonly PairFolders[], names: PairNames): Promise<PairScan> {
  const problems: DataProblem[] = [];
  const cases = new Map<string, CaseFiles>();
  const { endings = ['.nii.gz', '.nii'] } = names;
  for (const { images, labels, isTest } of folders) {
    const isOne = images === labels;
    const ofImages = (await entriesIn(images, problems)) ?? [];
    const ofLabels = isOne ? ofImages : ((await entriesIn(labels, problems)) ?? []);
    const [foundImages, foundLabels] = [
      filesById(ofImages, names.image, problems),
      filesById(ofLabels, names.label, problems),
    ];
    const [imageOf, labelOf] = [foundImages.files, foundLabels.files];
    if (isOne) {
      const taken = new Set(foundLabels.rest);
      const rest = foundImages.rest.filter((entry) => taken.has(entry));
      const isLabel = ({ name }: FolderEntry) => likelyId(names.label, volumeStem(name) ?? name, endings) !== null;
      problems.push(
        ...unreadOf('image', { ...foundImages, rest: rest.filter((one) => !isLabel(one)) }, names.image, endings),
      );
      problems.push(...unreadOf('label', { ...foundLabels, rest: rest.filter(isLabel) }, names.label, endings));
    } else {
      problems.push(...unreadOf('image', foundImages, names.image, endings));
      problems.push(...unreadOf('label', foundLabels, names.label, endings));
    }
    for (const [id, image] of imageOf) {
      const label = labelOf.get(id) ?? null;
      const other = cases.get(id);
      if (other !== undefined) {
        const message = `is case "${id}", as is ${other.image}`;
        problems.push(errorOf({ file: image, caseId: id, message, fix: 'remove one of them' }));
        continue;
      }
      cases.set(id, { id, image, label, isTest });
      if (label !== null) continue;
      const fix = 'fetch its label; without it the case can only train unlabelled';
      problems.push(warningOf({ file: image, caseId: id, message: `has no label in ${labels}`, fix }));
    }
    for (const [id, file] of labelOf) {
      if (imageOf.has(id)) continue;
      const message = `is a label without an image in ${images}`;
      problems.push(errorOf({ file, caseId: id, message, fix: 'fetch its image, or remove the label', absent: [id] }));
    }
  }
  return { cases: [...cases.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), problems };
}

/** Tells which cases of an official list are not there, and which ones that are there it does not have. */
export function officialProblems(
  official: readonly string[],
  cases: readonly CaseFiles[],
  root: string,
): DataProblem[] {
  const [known, listed] = [new Set(cases.map(({ id }) => id)), new Set(official)];
  const missing = official.filter((id) => !known.has(id));
  const others = cases
    .filter(({ id }) => !listed.has(id))
    .map(({ id, image }) => {
      const message = `is none of the ${official.length} official cases`;
      const fix = 'take it out of the folder: a drawn split deals it to a part like any other';
      return warningOf({ file: image, caseId: id, message, fix });
    });
  if (missing.length === 0) return others;
  const message = `${missing.length} of the ${official.length} official cases are not there: ${missing.join(' ')}`;
  const fix = 'fetch them; published splits need every case that they name';
  return [warningOf({ file: root, message, fix }), ...others];
}
