import { resolve } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { planSplits } from '../../splits/plan-splits.js';
import type { Splits } from '../../splits/splits.js';
import type { CaseFiles } from '../case-files.js';
import type { FormatSource } from '../case-format.js';
import { labelValueProblems } from '../label-values.js';
import type { DatasetDocument } from './dataset-document.js';
import { readDocument } from './document.js';
import type { NnunetLayout } from './layout.js';
import type { NnunetOptions } from './options.js';
import { scanCases } from './scan.js';

/** What dataset.json and the file names say. */
interface FolderContent {
  readonly document: DatasetDocument;
  readonly cases: readonly CaseFiles[];
  readonly splits: Splits;
  /** How the files are read. */
  readonly format: FormatSource;
  readonly frame: number | null;
  /** Whether image names end in a channel number, as `case_0000`. */
  readonly withChannels: boolean;
}

/** A folder as it was found, without opening an image. */
export interface OpenedFolder {
  readonly root: string;
  /** Null where dataset.json cannot be used. */
  readonly content: FolderContent | null;
  readonly problems: readonly DataProblem[];
}

/** Reads dataset.json, lists the cases and plans the split, and collects what is wrong with them. */
export async function openFolder(options: NnunetOptions, layout: NnunetLayout): Promise<OpenedFolder> {
  const root = resolve(options.root);
  const { document, problems: documentProblems } = await readDocument(root, layout, options);
  if (document === null) return { root, content: null, problems: documentProblems };
  const { cases, problems: scanProblems, ...placed } = await scanCases(root, document, options.channel, layout);
  const { splits, problems } = await planSplits(cases, options.split, { ...options, root });
  const format = layout.format(options, document, placed.frame);
  const content = { document, cases, splits, format, ...placed };
  const wrongValues = labelValueProblems(options.labelValues, document.classes, root);
  return { root, content, problems: [...documentProblems, ...wrongValues, ...scanProblems, ...problems] };
}
