import { basename } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { errorOf, type Splits, warningOf } from '@dinomix/data';
import type { SplitList } from './lists.js';

/** The cases of each part, with what is wrong with the lists. */
export interface ChosenLists {
  readonly splits: Splits;
  readonly problems: readonly DataProblem[];
  /** Share of the training cases with a label that the labelled list is named after; null where it is named after none. */
  readonly share: number | null;
}

const NOTHING: Splits = { labelled: [], unlabelled: [], validation: [], test: [] };

/** The share that a tag stands for: `20p` of DHC, `0.2` of A&D; null where it is none. */
function shareOf(tag: string | null): number | null {
  const percent = /^(\d+(?:\.\d+)?)p$/.exec(tag ?? '')?.[1];
  if (percent !== undefined) return Number(percent) / 100;
  return /^0?\.\d+$/.test(tag ?? '') ? Number(tag) : null;
}

function isAskedFor({ tag, ids }: SplitList, labelled: number): boolean {
  const share = shareOf(tag);
  return ids.length === labelled || (share !== null && Math.abs(share - labelled) < 1e-9);
}

function textOf(lists: readonly SplitList[]): string {
  return lists.map(({ file, ids }) => `${basename(file)} (${ids.length} cases)`).join(', ');
}

function chooseLabelled(lists: readonly SplitList[], labelled: number | null, folder: string) {
  const all = lists.filter(({ kind }) => kind === 'labelled');
  const fitting = labelled === null ? all : all.filter((list) => isAskedFor(list, labelled));
  if (all.length === 0 || fitting.length === 1) return { list: fitting[0] ?? null, problems: [] };
  const asked = labelled === null ? '' : `; option "labelled" is ${labelled}`;
  const message = `has the labelled lists ${textOf(all)}${asked}`;
  const fix = 'choose one by the option "labelled": its share, or its number of cases';
  return { list: null, problems: [errorOf({ file: folder, message, fix })] };
}

/** Without labelled lists the first cases of the training list have labels, as SSL4MIS and MagicNet have it. */
function firstOf(train: readonly string[], labelled: number | null): readonly string[] {
  if (labelled === null) return train;
  return train.slice(0, labelled < 1 ? Math.max(1, Math.floor(labelled * train.length)) : labelled);
}

function outsideTrain(list: SplitList, train: SplitList | undefined): DataProblem[] {
  if (train === undefined) return [];
  const known = new Set(train.ids);
  const outside = list.ids.filter((id) => !known.has(id));
  if (outside.length === 0) return [];
  const message = `names ${outside.length} cases that are not in ${basename(train.file)}: ${outside.join(' ')}`;
  return [
    warningOf({ file: list.file, message, fix: 'the lists belong to different splits: say so beside the result' }),
  ];
}

/** Chooses among the lists of a folder and reads the parts from them. */
export function chooseLists(lists: readonly SplitList[], labelled: number | null, folder: string): ChosenLists {
  const { list, problems: found } = chooseLabelled(lists, labelled, folder);
  if (found.length > 0) return { splits: NOTHING, problems: found, share: null };
  const problems: DataProblem[] = [];
  const only = (kind: SplitList['kind']): SplitList | undefined => {
    const all = lists.filter((one) => one.kind === kind);
    const fitting = all.filter(({ tag }) => tag === (list?.tag ?? null));
    const rest = all.filter(({ tag }) => tag === null);
    const one = fitting[0] ?? rest[0] ?? (all.length === 1 ? all[0] : undefined);
    if (one === undefined && all.length > 1 && kind === 'validation') {
      const fix = `keep one of them, or name it as the labelled list${list === null ? '' : ` ${basename(list.file)}`}`;
      problems.push(errorOf({ file: folder, message: `has the validation lists ${textOf(all)}`, fix }));
    }
    return one;
  };
  const train = only('train');
  const first = list?.ids ?? firstOf(train?.ids ?? [], labelled);
  const matching = lists.find(({ kind, tag }) => kind === 'unlabelled' && tag === (list?.tag ?? null));
  const chosen = new Set(first);
  const unlabelled = matching?.ids ?? train?.ids.filter((id) => !chosen.has(id)) ?? [];
  for (const one of [list, matching]) if (one != null) problems.push(...outsideTrain(one, train));
  const [validation, test] = [only('validation')?.ids ?? [], only('test')?.ids ?? []];
  return { splits: { labelled: first, unlabelled, validation, test }, problems, share: shareOf(list?.tag ?? null) };
}
