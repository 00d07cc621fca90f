import { dirname } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { errorOf, warningOf } from '../check/problems.js';
import type { FolderEntry } from './folder-entries.js';

/** What entries of a folder that are not read would have been. */
export interface UnreadPart {
  readonly kind: 'image' | 'label';
  /** Endings of the files that are read there. */
  readonly endings: readonly string[];
  /** Case of a file by its name without ending; null where it can be none of a case. */
  readonly caseOf: (stem: string) => string | null;
  /** Whether the case has such a file. */
  readonly has: (id: string) => boolean;
  /** What to do with a file of another ending. */
  readonly fixOf: (name: string, stem: string) => string;
}

// Formats that hold volumes, or packed ones.
const VOLUME =
  /\.(?:(?:nii|img|hdr|gipl|tar)(?:\.gz)?|seg\.nrrd|nrrd|nhdr|mha|mhd|mgz|mgh|dcm|ima|h5|hdf5|npy|npz|mat|tiff?|zip|gz|bz2|xz|7z)$/i;
const NAMED_AT_MOST = 5;

/** A name without the ending of a format that holds volumes; null where it has none. */
export function volumeStem(name: string): string | null {
  const stem = name.replace(VOLUME, '');
  return stem === name ? null : stem;
}

/** Endings as a sentence has them. */
export function endingsText(endings: readonly string[]): string {
  return endings.length === 1 ? endings[0]! : `${endings.slice(0, -1).join(', ')} or ${endings.at(-1)}`;
}

function isDue({ name }: FolderEntry, { endings }: UnreadPart): boolean {
  return endings.some((ending) => name.toLowerCase().endsWith(ending.toLowerCase()));
}

/** What is wrong with a file, link or folder that stands where a file is due; null where it is nothing of the kind. */
function findingOf(entry: FolderEntry, part: UnreadPart, stem: string | null) {
  const { kind, endings, fixOf } = part;
  switch (entry.kind) {
    case 'nowhere':
      return { message: 'is a link to what is not there', fix: 'bring its target back, or remove the link' };
    case 'other':
      return { message: 'is no regular file', fix: 'put the file itself there' };
    case 'folder':
      if (!isDue(entry, part)) return null;
      return { message: `is a folder where a file is due`, fix: 'move the file in it to its place' };
    case 'file':
      if (stem === null) return null;
      return {
        message: `is not read: an ${kind} ends in ${endingsText(endings)}`.replace('an label', 'a label'),
        fix: fixOf(entry.name, stem),
      };
  }
}

/**
 * Names what lies in a folder and is not read: errors where a case loses its image or label by it, warnings where it has
 * another, one warning for all that can be no file of a case.
 */
export function unreadProblems(entries: readonly FolderEntry[], part: UnreadPart): DataProblem[] {
  const problems: DataProblem[] = [];
  const strange: string[] = [];
  for (const entry of entries) {
    const stem = volumeStem(entry.name);
    const finding = findingOf(entry, part, stem);
    if (finding === null) {
      strange.push(entry.name);
      continue;
    }
    const caseId = part.caseOf(stem ?? entry.name);
    const { file } = entry;
    if (caseId === null || !part.has(caseId)) {
      const absent = caseId === null ? {} : { absent: [caseId] };
      problems.push(errorOf({ file, caseId, ...finding, ...absent }));
    } else problems.push(warningOf({ file, caseId, ...finding }));
  }
  if (strange.length === 0) return problems;
  const names = strange.slice(0, NAMED_AT_MOST).join(', ') + (strange.length > NAMED_AT_MOST ? ', ...' : '');
  const message = `holds ${strange.length} ${strange.length === 1 ? 'entry that is' : 'entries that are'} no ${part.kind} of a case: ${names}`;
  const fix = 'nothing is to be done where they do not belong to the data set; they are not read';
  return [...problems, warningOf({ file: dirname(entries[0]!.file), message, fix })];
}
