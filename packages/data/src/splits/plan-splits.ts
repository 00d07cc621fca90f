import { isAbsolute, join } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { isDmxError, readJsonDocument, reasonOf } from '@dinomix/core';
import { errorOf } from '../check/problems.js';
import type { CaseFiles } from '../layouts/case-files.js';
import { patientHint } from '../layouts/patient-hint.js';
import { drawSplits, emptyParts, type PlannedSplits, readSplits, type SplitOptions, type Splits } from './splits.js';

const NOTHING: Splits = { labelled: [], unlabelled: [], validation: [], test: [] };

function patternProblem({ patient, root }: SplitOptions): DataProblem[] {
  if (patient === null) return [];
  const fix = 'write a regular expression with one group, such as ^(.+)_visit';
  try {
    // An alternative that matches nothing tells how many groups there are.
    const groups = new RegExp(`${patient}|`).exec('')!.length - 1;
    return groups >= 1 ? [] : [errorOf({ file: root, message: `option "patient" /${patient}/ has no group`, fix })];
  } catch (error) {
    return [errorOf({ file: root, message: `option "patient": ${reasonOf(error)}`, fix })];
  }
}

async function splitsFromFile(
  name: string,
  cases: readonly CaseFiles[],
  options: SplitOptions,
): Promise<PlannedSplits> {
  const file = isAbsolute(name) ? name : join(options.root, name);
  let content: unknown;
  try {
    content = await readJsonDocument(file);
  } catch (error) {
    if (!isDmxError(error)) throw error;
    return { splits: NOTHING, problems: [errorOf({ file, message: error.why, fix: error.fix })] };
  }
  return readSplits(content, file, cases, options);
}

/**
 * Takes the split that a file names, or draws one, and collects what is wrong with it.
 * @param file - JSON file, absolute or from the root; null draws.
 */
export async function planSplits(
  cases: readonly CaseFiles[],
  file: string | null,
  options: SplitOptions,
): Promise<PlannedSplits> {
  const wrongPattern = patternProblem(options);
  if (wrongPattern.length > 0) return { splits: NOTHING, problems: wrongPattern };
  const planned = file === null ? drawSplits(cases, options) : await splitsFromFile(file, cases, options);
  const isPlanned = planned.problems.length === 0 || file === null;
  const empty = isPlanned ? emptyParts(planned.splits, options.root) : [];
  const hint = patientHint(planned.splits, options.patient, file ?? options.root);
  return { splits: planned.splits, problems: [...planned.problems, ...empty, ...hint] };
}

/**
 * Takes a split given as lists of ids, and collects what is wrong with it: unknown cases, missing labels, cases or patients
 * in two parts, empty parts.
 * @param place - file or folder of the lists, for messages.
 */
export function listedSplits(
  lists: Splits,
  place: string,
  cases: readonly CaseFiles[],
  patient: string | null,
): PlannedSplits {
  const options = { root: place, seed: 0, labelled: null, validation: 0, test: 0, unlabelled: [], patient, fold: 0 };
  const wrongPattern = patternProblem(options);
  if (wrongPattern.length > 0) return { splits: NOTHING, problems: wrongPattern };
  const { splits, problems } = readSplits(lists, place, cases, options);
  return { splits, problems: [...problems, ...emptyParts(splits, place), ...patientHint(splits, patient, place)] };
}
