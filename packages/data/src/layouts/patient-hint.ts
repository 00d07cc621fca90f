import type { CaseRole, DataProblem } from '@dinomix/core';
import { warningOf } from '../check/problems.js';
import type { Splits } from '../splits/splits.js';

// What ids of one patient differ by: frames of a heart, phases, visits, sides.
const PARTS = 'frame|time|timepoint|phase|visit|session|ses|study|scan|followup|week|month|day|slice';
// A patient has a number of its own: scan_12 alone names a patient.
const SUFFIX = new RegExp(`^(.*?[0-9].*?)([_-](?:${PARTS})[_-]?)[0-9]+(?:[_-].*)?$`, 'i');
const NAMED_AT_MOST = 5;

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/**
 * Tells of cases in two parts of a split that look like one patient's by their ids: `patient001_frame01` that trains and
 * `patient001_frame12` that validates.
 * @param patient - the option of that name; where it is set, patients are known and checked.
 * @param file - split or folder, for the message.
 */
export function patientHint(splits: Splits, patient: string | null, file: string): DataProblem[] {
  if (patient !== null) return [];
  const seen = new Map<string, { readonly id: string; readonly part: string }>();
  const pairs: string[] = [];
  let middle = '';
  for (const [role, ids] of Object.entries(splits) as [CaseRole, readonly string[]][]) {
    const part = role === 'labelled' || role === 'unlabelled' ? 'training' : role;
    for (const id of ids) {
      const match = SUFFIX.exec(id);
      if (match === null) continue;
      const key = `${match[1]}${match[2]}`.toLowerCase();
      const first = seen.get(key);
      if (first === undefined) seen.set(key, { id, part });
      else if (first.part !== part) {
        pairs.push(`${first.id} (${first.part}) and ${id} (${part})`);
        middle ||= match[2]!;
      }
    }
  }
  // One stem for all ids is the name of the data set.
  if (pairs.length === 0 || seen.size < 2) return [];
  const listed = pairs.slice(0, NAMED_AT_MOST).join('; ') + (pairs.length > NAMED_AT_MOST ? '; ...' : '');
  const message = `two parts of the split seem to hold images of one patient: ${listed}`;
  const fix = `say what a patient is by the option patient: '^(.+?)${escaped(middle)}', and keep each in one part; results are too good otherwise`;
  return [warningOf({ file, message, fix })];
}
