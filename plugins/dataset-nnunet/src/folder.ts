import { readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { type DataProblem, reasonOf } from '@dinomix/core';
import { type DatasetDocument, readDocument } from './document.js';
import type { NnunetOptions } from './options.js';
import { errorOf } from './problems.js';
import { type CaseFiles, scanCases } from './scan.js';
import { drawSplits, emptyParts, type PlannedSplits, readSplits, type Splits } from './splits.js';

/** A folder as it was found, without opening an image. */
export interface OpenedFolder {
  readonly root: string;
  /** Null where dataset.json cannot be used; then there are no cases either. */
  readonly document: DatasetDocument | null;
  readonly cases: readonly CaseFiles[];
  readonly splits: Splits;
  readonly problems: readonly DataProblem[];
}

const NOTHING: Splits = { labelled: [], unlabelled: [], validation: [], test: [] };

function patternProblem({ patient }: NnunetOptions, root: string): DataProblem[] {
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

async function planSplits(cases: readonly CaseFiles[], root: string, options: NnunetOptions): Promise<PlannedSplits> {
  if (options.split === null) return drawSplits(cases, options);
  const file = isAbsolute(options.split) ? options.split : join(root, options.split);
  try {
    return readSplits(JSON.parse(await readFile(file, 'utf8')), file, cases, options);
  } catch (error) {
    const message = `cannot be read: ${reasonOf(error)}`;
    return { splits: NOTHING, problems: [errorOf({ file, message, fix: 'check the path and the file' })] };
  }
}

/** Reads dataset.json, lists the cases and plans the split, and collects what is wrong with them. */
export async function openFolder(options: NnunetOptions): Promise<OpenedFolder> {
  const root = resolve(options.root);
  const { document, problems: documentProblems } = await readDocument(root);
  if (document === null) return { root, document, cases: [], splits: NOTHING, problems: documentProblems };
  const { cases, problems: scanProblems } = await scanCases(root, document, options.channel);
  const wrongPattern = patternProblem(options, root);
  const problems = [...documentProblems, ...scanProblems, ...wrongPattern];
  if (wrongPattern.length > 0) return { root, document, cases, splits: NOTHING, problems };
  const planned = await planSplits(cases, root, options);
  const isPlanned = planned.problems.length === 0 || options.split === null;
  const empty = isPlanned ? emptyParts(planned.splits, root) : [];
  return { root, document, cases, splits: planned.splits, problems: [...problems, ...planned.problems, ...empty] };
}
