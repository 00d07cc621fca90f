import type { CaseRole, DataProblem } from '@dinomix/core';
import { createRng } from '@dinomix/volume';
import { errorOf, warningOf } from '../check/problems.js';
import type { CaseFiles } from '../layouts/case-files.js';

/** What decides a split besides the cases. */
export interface SplitOptions {
  /** Folder of the data set, for messages. */
  readonly root: string;
  /** Seed of a drawn split. */
  readonly seed: number;
  /** Training cases that keep their label: a number, a share below 1, or null for all. */
  readonly labelled: number | null;
  /** Share of the cases with a label that validate. */
  readonly validation: number;
  /** Share that tests; null: 0 where the layout keeps cases for testing, else 0.2. */
  readonly test: number | null;
  /** Cases whose label is never read. */
  readonly unlabelled: readonly string[];
  /** Regular expression whose first group is the patient in a case id; null: each case is a patient. */
  readonly patient: string | null;
  /** Which entry of a `splits_final.json`. */
  readonly fold: number;
}

/** Case ids by role, sorted. */
export type Splits = Readonly<Record<CaseRole, readonly string[]>>;

/** Splits with what is wrong with them. */
export interface PlannedSplits {
  readonly splits: Splits;
  readonly problems: readonly DataProblem[];
}

/** Every role, in the order of reports. */
export const ROLES: readonly CaseRole[] = ['labelled', 'unlabelled', 'validation', 'test'];

/** Returns the patient of a case id. */
export function patientOf(id: string, pattern: string | null): string {
  return pattern === null ? id : (new RegExp(pattern).exec(id)?.[1] ?? id);
}

function sorted(splits: Record<CaseRole, string[]>): Splits {
  for (const role of ROLES) splits[role].sort();
  return splits;
}

/** How many of `total` a number or share asks for; a share asks for one at least. */
function countOf(wanted: number, total: number): number {
  return wanted < 1 ? Math.max(wanted > 0 ? 1 : 0, Math.round(wanted * total)) : wanted;
}

/**
 * Draws a split from the seed, patient by patient: no patient is in two of training, validation and test.
 *
 * @remarks What the layout keeps for testing is test. Other cases without a label, or listed in `unlabelled`, train
 * without label unless their patient is validated or tested on: then they are left out. Of the training cases with a label, `labelled` keep
 * it, drawn in whole patients as far as the number allows; the label of the others is never read.
 */
export function drawSplits(cases: readonly CaseFiles[], options: SplitOptions): PlannedSplits {
  const training = cases.filter(({ isTest }) => !isTest);
  const testIds = cases.filter(({ isTest }) => isTest).map(({ id }) => id);
  const listed = new Set(options.unlabelled);
  const hasLabel = ({ id, label }: CaseFiles) => label !== null && !listed.has(id);
  const patient = (id: string) => patientOf(id, options.patient);
  const testPatients = new Set(testIds.map(patient));
  const free = training.filter(({ id }) => !testPatients.has(patient(id)));
  const groups = groupByPatient(free.filter(hasLabel), patient);
  const order = createRng({ seed: options.seed, stream: 'dataset/split' }).shuffle([...groups.keys()].sort());
  const total = [...groups.values()].flat().length;
  const take = (wanted: number): string[] => {
    const ids: string[] = [];
    // The last patient stays for training: without a labelled case there is no run.
    while (ids.length < wanted && order.length > 1) ids.push(...groups.get(order.shift()!)!);
    return ids;
  };
  const test = [...testIds, ...take(countOf(options.test ?? (testIds.length > 0 ? 0 : 0.2), total))];
  const validation = take(countOf(options.validation, total));
  const held = new Set([...test, ...validation].map(patient));
  const trainable = order.flatMap((name) => groups.get(name)!);
  const keep = options.labelled === null ? trainable.length : countOf(options.labelled, trainable.length);
  const unlabelled = free.filter((one) => !hasLabel(one) && !held.has(patient(one.id))).map(({ id }) => id);
  return {
    splits: sorted({
      labelled: trainable.slice(0, keep),
      unlabelled: [...trainable.slice(keep), ...unlabelled],
      validation,
      test,
    }),
    problems: unknownIds(options, cases),
  };
}

function groupByPatient(cases: readonly CaseFiles[], patient: (id: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { id } of cases) {
    const owner = patient(id);
    const group = groups.get(owner);
    if (group === undefined) groups.set(owner, [id]);
    else group.push(id);
  }
  return groups;
}

function unknownIds({ root, unlabelled }: SplitOptions, cases: readonly CaseFiles[]): DataProblem[] {
  const known = new Set(cases.map(({ id }) => id));
  return unlabelled
    .filter((id) => !known.has(id))
    .map((id) =>
      errorOf({
        file: root,
        caseId: id,
        message: `option "unlabelled" lists the unknown case "${id}"`,
        fix: 'correct it',
      }),
    );
}

/** Ids as the scan of a folder has them: a letter that may be written in several ways is written in one. */
function plainIds(ids: readonly string[]): readonly string[] {
  return ids.map((id) => id.normalize('NFC'));
}

type Lists = Partial<Record<CaseRole, readonly string[]>>;

function isIds(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((id) => typeof id === 'string');
}

/** Understands `{ labelled, unlabelled, validation, test }` and nnU-Net's list of `{ train, val }`. */
function listsOf(content: unknown, fold: number): Lists | string {
  if (Array.isArray(content)) {
    const entry: unknown = content[fold];
    if (typeof entry !== 'object' || entry === null) return `has ${content.length} folds, fold ${fold} is not there`;
    const { train, val } = entry as { train?: unknown; val?: unknown };
    if (!isIds(train) || !isIds(val)) return `fold ${fold} has no lists "train" and "val"`;
    return { labelled: plainIds(train), validation: plainIds(val) };
  }
  if (typeof content !== 'object' || content === null) return 'holds neither an object nor a list of folds';
  const wrong = Object.entries(content).filter(([role, ids]) => !ROLES.includes(role as CaseRole) || !isIds(ids));
  if (wrong.length > 0) return `has the wrong entries ${wrong.map(([role]) => `"${role}"`).join(', ')}`;
  const parts = Object.entries(content as Lists).map(([role, ids]) => [role, plainIds(ids)] as const);
  return Object.fromEntries(parts) as Lists;
}

/**
 * Takes the split that a file names.
 *
 * @remarks Where the file gives no `unlabelled`, it is every case of imagesTr that has no label and stands in no list;
 * cases that a fold of nnU-Net trains on without having a label count as unlabelled too. Without `test` it is imagesTs.
 * Cases that the option `unlabelled` lists lose their label.
 */
export function readSplits(
  content: unknown,
  file: string,
  cases: readonly CaseFiles[],
  options: SplitOptions,
): PlannedSplits {
  const lists = listsOf(content, options.fold);
  const empty = { labelled: [], unlabelled: [], validation: [], test: [] };
  if (typeof lists === 'string') {
    const fix =
      'write { "labelled": [ids], "unlabelled": [ids], "validation": [ids], "test": [ids] }, or splits_final.json';
    return { splits: empty, problems: [errorOf({ file, message: lists, fix })] };
  }
  const caseOf = new Map(cases.map((one) => [one.id, one]));
  const hidden = new Set(options.unlabelled);
  const isFold = Array.isArray(content);
  const labelled = lists.labelled ?? [];
  const isMoved = (id: string) => hidden.has(id) || (isFold && caseOf.get(id)?.label === null);
  const named = new Set(Object.values(lists).flat());
  const rest = cases.filter(({ id, label, isTest }) => !isTest && label === null && !named.has(id)).map(({ id }) => id);
  const splits = sorted({
    labelled: labelled.filter((id) => !isMoved(id)),
    unlabelled: [...(lists.unlabelled ?? rest), ...labelled.filter(isMoved)],
    validation: [...(lists.validation ?? [])],
    test: [...(lists.test ?? cases.filter(({ isTest }) => isTest).map(({ id }) => id))],
  });
  return { splits, problems: [...unknownIds(options, cases), ...fileProblems(splits, file, caseOf, options)] };
}

function fileProblems(
  splits: Splits,
  file: string,
  caseOf: ReadonlyMap<string, CaseFiles>,
  { patient, unlabelled }: SplitOptions,
): DataProblem[] {
  const problems: DataProblem[] = [];
  const complain = (caseId: string, message: string, fix: string) =>
    problems.push(errorOf({ file, caseId, message, fix }));
  const miss = (caseId: string, message: string, fix: string) =>
    problems.push(errorOf({ file, caseId, message, fix, absent: [caseId] }));
  const hidden = new Set(unlabelled);
  const roleOf = new Map<string, CaseRole>();
  const partOf = new Map<string, { readonly part: string; readonly id: string }>();
  for (const role of ROLES) {
    for (const id of splits[role]) {
      const other = roleOf.get(id);
      if (other !== undefined) complain(id, `"${id}" is in "${other}" and in "${role}"`, 'keep one of them');
      roleOf.set(id, role);
      const part = role === 'unlabelled' ? 'labelled' : role;
      const owner = patientOf(id, patient);
      const met = partOf.get(owner);
      if (met === undefined) partOf.set(owner, { part, id });
      else if (met.part !== part && other === undefined) {
        complain(
          id,
          `patient "${owner}" is in two parts: "${met.id}" and "${id}" (${role})`,
          'keep a patient in one part',
        );
      }
      const found = caseOf.get(id);
      if (found === undefined) miss(id, `lists the unknown case "${id}" (${role})`, 'correct the id, or add its image');
      else if (found.label === null && (role === 'labelled' || role === 'validation')) {
        miss(id, `"${id}" (${role}) has no label file`, 'add the label, or list the case as unlabelled');
      } else if (part !== 'labelled' && hidden.has(id)) {
        complain(id, `"${id}" (${role}) is listed by the option "unlabelled"`, 'take it out of one of them');
      }
    }
  }
  return problems;
}

/** Complains about parts without cases: `labelled` is needed by every run, the others by some. */
export function emptyParts(splits: Splits, root: string): DataProblem[] {
  const fixes: Readonly<Record<CaseRole, string>> = {
    labelled: 'add label files, or correct the split',
    unlabelled: 'lower the option "labelled", or add images without label; a supervised run needs none',
    validation: 'raise the option "validation", or correct the split; without it no best epoch can be chosen',
    test: 'raise the option "test", add imagesTs, or correct the split; without it nothing is tested',
  };
  return ROLES.filter((role) => splits[role].length === 0).map((role) => {
    const finding = { file: root, message: `no case is in the part "${role}"`, fix: fixes[role] };
    return role === 'labelled' ? errorOf(finding) : warningOf(finding);
  });
}
