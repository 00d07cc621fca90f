import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataProblem } from '../slots/contracts/dataset.js';
import type { CaseFiles } from './case-files.js';
import { errorOf, warningOf } from './problems.js';

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
}

/** The cases that were found, in the order of their ids. */
export interface PairScan {
  readonly cases: readonly CaseFiles[];
  readonly problems: readonly DataProblem[];
}

async function filesById(folder: string, pattern: RegExp, problems: DataProblem[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of (await readdir(folder)).sort()) {
    const id = pattern.exec(name)?.[1];
    if (id === undefined) continue;
    const file = join(folder, name);
    const first = found.get(id);
    if (first === undefined) found.set(id, file);
    else problems.push(errorOf({ file, caseId: id, message: `is case "${id}", as is ${first}`, fix: 'remove one' }));
  }
  return found;
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
  for (const { images, labels, isTest } of folders) {
    const imageOf = await filesById(images, names.image, problems);
    const labelOf = await filesById(labels, names.label, problems);
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
