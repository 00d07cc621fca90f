import { resolve } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { type CaseFiles, type FormatSource, niftiFormat, planSplits, type Splits } from '@dinomix/core/dataset';
import { type DatasetDocument, readDocument } from './document.js';
import type { NnunetOptions } from './options.js';
import { scanCases } from './scan.js';

/** A folder as it was found, without opening an image. */
export interface OpenedFolder {
  readonly root: string;
  /** Null where dataset.json cannot be used; then there are no cases either. */
  readonly document: DatasetDocument | null;
  readonly cases: readonly CaseFiles[];
  readonly splits: Splits;
  /** How the files are read. */
  readonly format: FormatSource;
  readonly problems: readonly DataProblem[];
}

const NOTHING: Splits = { labelled: [], unlabelled: [], validation: [], test: [] };

/** Reads dataset.json, lists the cases and plans the split, and collects what is wrong with them. */
export async function openFolder(options: NnunetOptions): Promise<OpenedFolder> {
  const root = resolve(options.root);
  const { document, problems: documentProblems } = await readDocument(root);
  if (document === null) {
    return { root, document, cases: [], splits: NOTHING, format: niftiFormat(options), problems: documentProblems };
  }
  const { cases, problems: scanProblems, frame } = await scanCases(root, document, options.channel);
  const format = niftiFormat(frame === null ? options : { ...options, frame });
  const { splits, problems } = await planSplits(cases, options.split, { ...options, root });
  return { root, document, cases, splits, format, problems: [...documentProblems, ...scanProblems, ...problems] };
}
