import { resolve } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import {
  amosSplit,
  type CaseFiles,
  errorOf,
  listedSplits,
  type PlannedSplits,
  planSplits,
  publishedSplitProblems,
  type Splits,
  synapseSplit,
  warningOf,
} from '@dinomix/data';
import { chooseLists } from './choose-lists.js';
import type { ArrayStore } from './layout.js';
import { findLists } from './lists.js';
import type { ArraysOptions } from './options.js';

type Role = keyof Splits;

/** A split with the share of labelled training cases that it stands for; null where that is not known. */
export interface ArraysSplit extends PlannedSplits {
  readonly share: number | null;
}

const NOTHING: Splits = { labelled: [], unlabelled: [], validation: [], test: [] };

function withIds(splits: Splits, change: (ids: readonly string[], role: Role) => readonly string[]): Splits {
  const { labelled, unlabelled, validation, test } = splits;
  return {
    labelled: change(labelled, 'labelled'),
    unlabelled: change(unlabelled, 'unlabelled'),
    validation: change(validation, 'validation'),
    test: change(test, 'test'),
  };
}

/** The number that published lists know a case by: 0017 of `amos_0017`, `case0017`, `img0017`. */
export function publishedId(id: string): string {
  return /(\d{4})$/.exec(id)?.[1] ?? id;
}

/** Takes cases that training and validation lists share out of one of the two, and says so. */
function withoutLeaks(splits: Splits, leaked: ArraysOptions['leaked'], file: string): PlannedSplits {
  const held = new Set(splits.validation);
  const shared = new Set([...splits.labelled, ...splits.unlabelled].filter((id) => held.has(id)));
  if (leaked === null || shared.size === 0) return { splits, problems: [] };
  const losing = leaked === 'validation' ? 'training' : 'validation';
  const message = `the lists train on ${shared.size} validation cases: ${[...shared].join(' ')}. They are left out of ${losing}`;
  const keeps = (role: Role) => role === 'test' || (role === 'validation') === (leaked === 'validation');
  return {
    splits: withIds(splits, (ids, role) => (keeps(role) ? ids : ids.filter((id) => !shared.has(id)))),
    problems: [warningOf({ file, message, fix: 'say so beside the result' })],
  };
}

function unlisted(splits: Splits, cases: readonly CaseFiles[], file: string): DataProblem[] {
  const named = new Set(Object.values(splits).flat());
  const rest = cases.filter(({ id }) => !named.has(id)).map(({ id }) => id);
  if (rest.length === 0) return [];
  const message = `${rest.length} cases have files and stand in no list: ${rest.join(' ')}`;
  return [warningOf({ file, message, fix: 'they are not used; add them to a list if they should be' })];
}

async function fromLists(root: string, store: ArrayStore, options: ArraysOptions): Promise<ArraysSplit> {
  const { labelled, leaked, patient } = options;
  const { folder, lists, problems } = await findLists(root, store.folder, options.lists);
  if (folder === null) return { splits: NOTHING, problems, share: null };
  const chosen = chooseLists(lists, labelled, folder);
  if (chosen.problems.some(({ severity }) => severity === 'error')) {
    return { splits: NOTHING, problems: [...problems, ...chosen.problems], share: null };
  }
  const kept = withoutLeaks(chosen.splits, leaked, folder);
  const planned = listedSplits(kept.splits, folder, store.cases, patient);
  return {
    splits: planned.splits,
    share: chosen.share,
    problems: [
      ...problems,
      ...chosen.problems,
      ...kept.problems,
      ...planned.problems,
      ...unlisted(kept.splits, store.cases, folder),
    ],
  };
}

/** A published split, whose numbers stand for the ids of the files. */
function published(
  planned: PlannedSplits,
  share: number,
  { split }: ArraysOptions,
  root: string,
  { cases }: ArrayStore,
): ArraysSplit {
  if (planned.splits.labelled.length === 0) return { ...planned, share };
  const idOf = new Map(cases.map(({ id }) => [publishedId(id), id]));
  const splits = withIds(planned.splits, (ids) => ids.map((id) => idOf.get(id) ?? id));
  return { splits, share, problems: [...planned.problems, ...publishedSplitProblems(split, splits, cases, root)] };
}

function wrongBenchmark(split: string, classes: string, root: string): ArraysSplit {
  const message = `option split is "${split}", a split of ${classes}; option classes names other ones`;
  const problem = errorOf({ file: root, message, fix: `set classes: "${classes}", or another split` });
  return { splits: NOTHING, problems: [problem], share: null };
}

/** The split that the options ask for, with what is wrong with it. */
export async function splitsOf(root: string, store: ArrayStore, options: ArraysOptions): Promise<ArraysSplit> {
  const { split, classes, leaked, labelled } = options;
  switch (split) {
    case 'lists':
      return fromLists(root, store, options);
    case 'skcdf':
    case 'genericssl':
    case 'dhc-2023': {
      if (classes !== 'synapse') return wrongBenchmark(split, 'synapse', root);
      const share = labelled ?? 0.2;
      return published(synapseSplit(split, share, root), share, options, root, store);
    }
    case 'dhc': {
      if (classes !== 'amos') return wrongBenchmark(split, 'amos', root);
      const share = labelled ?? 0.05;
      return published(amosSplit(share, leaked ?? 'validation', root), share, options, root, store);
    }
    default: {
      const rest = { ...options, root, unlabelled: [], fold: 0 };
      const planned = await planSplits(store.cases, split === 'drawn' ? null : resolve(root, split), rest);
      return { ...planned, share: labelled !== null && labelled < 1 ? labelled : null };
    }
  }
}
