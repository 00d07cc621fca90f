import type { Bound, Dataset, DatasetFacts, ParameterSpec, ResolvedConfig, Run, ViewName } from '@dinomix/core';
import { type CaseStore, trainingVolumes } from '@dinomix/data/loader';
import { clone, type Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import { createOps } from '../ops/create-ops.js';
import { runningStudents } from '../step/graph/students.js';
import { guarded, guardedAsync, type Worker } from '../step/guard.js';
import type { initialValues } from '../step/host/initial-values.js';
import { teachersInUse } from '../step/host/teachers-in-use.js';
import type { Variables } from '../step/host/variables.js';
import { optimizerVariable, partPrefix, studentVariable, teacherVariable } from '../step/names.js';
import { viewsInUse } from '../step/needs.js';
import { actsOn, type LossPart, type StepParts, type StudentPart, type TeacherPart, weighs } from '../step/parts.js';
import type { LossSlot, RunningBackend, TeacherSlot } from '../types.js';
import { assertPartsFit } from './assert-parts.js';
import { buildNetworks } from './build-networks.js';
import { teacherCacheFolder } from './teacher-cache.js';

/** What the parts of a run are built from. */
export interface BuildMaterial {
  readonly run: Run<Tensor>;
  readonly session: RunningBackend;
  readonly dataset: Dataset;
  readonly facts: DatasetFacts;
  readonly variables: Variables;
  /** First values of a parameter. */
  readonly initial: typeof initialValues;
  readonly store: CaseStore;
  readonly stepsPerEpoch: number;
  /** Tells the user something that does not stop the run. */
  readonly warn: (message: string, plugin: string | null) => void;
}

function createAll(
  specs: readonly ParameterSpec[],
  owner: string,
  name: (own: string) => string,
  material: BuildMaterial,
) {
  const { variables, run, initial } = material;
  for (const spec of specs) variables.create(name(spec.name), spec.shape, initial(spec, owner, run.info.seed));
}

/** Builds the networks and their weights. */
async function createStudents(ops: StepParts['ops'], material: BuildMaterial): Promise<readonly StudentPart[]> {
  const students = await buildNetworks(material.run, ops, material.facts.classes.length);
  for (const { id, key, specs } of students) createAll(specs, key, (name) => studentVariable(id, name), material);
  return students;
}

/** Fills a teacher's variables: a copy of the student's where the name says so. */
function createTeacherVariables(teacher: TeacherPart, students: readonly StudentPart[], material: BuildMaterial): void {
  const { slot, id, key } = teacher;
  const studentVariables = new Map<string, string>(
    students.flatMap((student) =>
      student.model.parameters.map(({ name }) => [`${student.id}/${name}`, studentVariable(student.id, name)] as const),
    ),
  );
  const specs = slot.parameters?.() ?? [];
  createAll(specs, key, (name) => teacherVariable(id, name), material);
  const { tensors } = material.variables;
  const copies = specs.flatMap(({ name }) => {
    const source = studentVariables.get(name);
    return source === undefined ? [] : [[teacherVariable(id, name), clone(tensors[source]!)] as const];
  });
  material.variables.assign(Object.fromEntries(copies));
}

async function openTeachers(
  bound: readonly Bound<TeacherSlot>[],
  students: readonly StudentPart[],
  material: BuildMaterial,
): Promise<TeacherPart[]> {
  const { run, facts, dataset, variables, store, warn } = material;
  const volume = trainingVolumes(store, dataset);
  const teachers: TeacherPart[] = [];
  for (const { id, plugin, value: slot } of bound) {
    const teacher: TeacherPart = { key: `teacher:${id}`, plugin, id, slot };
    await guardedAsync(teacher, 'open', null, () =>
      slot.open?.({
        id,
        students: runningStudents(students, () => variables.tensors),
        dataset: facts,
        epochs: run.config.train.epochs,
        stepsPerEpoch: material.stepsPerEpoch,
        normalisation: dataset.preprocessing.normalisation,
        patch: run.config.train.patch,
        cacheDirectory: teacherCacheFolder(run.info.directory, id),
        volume,
        warn: (message) => warn(message, plugin),
      }),
    );
    createTeacherVariables(teacher, students, material);
    teachers.push(teacher);
  }
  return teachers;
}

function bindParts<S>(slot: 'selector' | 'weighter', bound: readonly Bound<S>[]) {
  return bound.map(({ id, plugin, value }) => ({ key: `${slot}:${id}`, plugin, id, slot: value }));
}

const VIEWS: readonly ViewName[] = ['labelled', 'unlabelled', 'mixed-labelled', 'mixed-unlabelled'];

/** @throws Error when a loss does not say what it takes, or names a view that does not exist. */
function assertTakes({ takes }: LossSlot): void {
  const example = "for example takes: { labelled: ['logits'] }";
  if (typeof takes !== 'object' || takes === null) throw new Error(`it does not say what it takes; ${example}`);
  for (const view of Object.keys(takes)) {
    if (!VIEWS.includes(view as ViewName))
      throw new Error(`it takes the view "${view}"; views are ${VIEWS.join(', ')}`);
  }
}

function bindLosses(bound: readonly Bound<LossSlot>[], { use }: ResolvedConfig): LossPart[] {
  return bound.map(({ id, plugin, value: slot }) => {
    const part = { key: `loss:${id}`, plugin, id, slot, weight: use.loss[id]! };
    guarded(part, 'say what it takes', null, () => assertTakes(slot));
    return part;
  });
}

/** What each kind of need is called among what teachers produce. */
const GIVEN = { 'pseudo-labels': 'probabilities', probabilities: 'probabilities', tokens: 'tokens' } as const;

/** @throws DMX_LOSS_NEEDS when no teacher gives what a loss takes. */
function assertNeeds(losses: readonly LossPart[], teachers: readonly TeacherPart[]): void {
  for (const { key, plugin, slot } of losses) {
    const needs = new Set(Object.values(slot.takes).flat());
    for (const need of ['pseudo-labels', 'probabilities', 'tokens'] as const) {
      const kind = GIVEN[need];
      if (!needs.has(need) || teachers.some((teacher) => teacher.slot.produces[kind])) continue;
      throw trainerError('DMX_LOSS_NEEDS', { key, plugin, kind, teachers: teachers.map(({ key: name }) => name) });
    }
  }
}

/** A part that may have variables for each student. */
interface ScopedPart extends Worker {
  readonly prefix: string;
  declare(student: StudentPart): readonly ParameterSpec[];
}

/** Losses, selectors and weighters as owners of variables for a student. */
function scopedParts(
  { losses, selectors, weighters }: Pick<StepParts, 'losses' | 'selectors' | 'weighters'>,
  teachers: readonly TeacherPart[],
  { facts, run, stepsPerEpoch }: BuildMaterial,
): readonly ScopedPart[] {
  const channels = teachers.flatMap(({ id, slot }) =>
    slot.produces.tokens ? [[id, slot.tokenChannels?.() ?? 0] as const] : [],
  );
  const tokenChannels = Object.fromEntries(channels);
  const classCount = facts.classes.length;
  const common = { classCount, dataset: facts, epochs: run.config.train.epochs, stepsPerEpoch };
  return [
    ...losses.map((loss) => ({
      ...loss,
      prefix: partPrefix('loss', loss.id),
      declare: ({ id, model }: StudentPart) =>
        actsOn(loss, id) ? (loss.slot.parameters?.({ studentId: id, model, classCount, tokenChannels }) ?? []) : [],
    })),
    ...selectors.map((selector) => ({
      ...selector,
      prefix: partPrefix('selector', selector.id),
      declare: ({ id }: StudentPart) => selector.slot.parameters?.({ studentId: id, ...common }) ?? [],
    })),
    ...weighters.map((weighter) => ({
      ...weighter,
      prefix: partPrefix('weighter', weighter.id),
      declare: ({ id }: StudentPart) =>
        weighs(weighter, id) ? (weighter.slot.parameters?.({ studentId: id, ...common }) ?? []) : [],
    })),
  ];
}

/** Adds the variables that parts have for each student. */
function withPartVariables(
  students: readonly StudentPart[],
  parts: readonly ScopedPart[],
  material: BuildMaterial,
): StudentPart[] {
  return students.map((student) => {
    const extra = parts.flatMap((part) => {
      const specs = guarded(part, 'declare its parameters', null, () => part.declare(student));
      return specs.map((spec) => ({ ...spec, name: part.prefix + spec.name }));
    });
    createAll(extra, student.key, (name) => studentVariable(student.id, name), material);
    return { ...student, specs: [...student.specs, ...extra] };
  });
}

/** @throws DMX_PART_STUDENT when a weighter names a student that the run does not have. */
function assertStudents(weighters: StepParts['weighters'], students: readonly StudentPart[]): void {
  const ids = students.map(({ id }) => id);
  for (const { key, plugin, slot } of weighters) {
    for (const id of slot.students ?? []) {
      if (!ids.includes(id)) throw trainerError('DMX_PART_STUDENT', { key, plugin, id, students: ids });
    }
  }
}

/** How a loss of mixed crops is kept where nothing mixes: it looks at the crops themselves. */
function wayToKeep(key: string, views: readonly ViewName[], { plugins }: ResolvedConfig, mixes: boolean): string {
  const options = plugins.find(({ provides }) => provides.some((one) => one === key))?.options;
  if (mixes || !Array.isArray(options?.views) || !views.some((view) => view.startsWith('mixed-'))) return '';
  const plain = [...new Set(views.map((view) => view.replace('mixed-', '')))];
  return ` Nothing mixes crops; to keep it: --set ${key.replace(':', '.')}.views='${JSON.stringify(plain)}'.`;
}

function warnUnused(parts: StepParts, config: ResolvedConfig, warn: BuildMaterial['warn']): void {
  for (const { key, plugin, slot } of parts.losses) {
    const views = Object.keys(slot.takes) as ViewName[];
    if (views.some((view) => parts.views.some(({ name }) => name === view))) continue;
    const lack = `${key} is not used: this run has none of its views (${views.join(', ')}).`;
    warn(`${lack}${wayToKeep(key, views, config, parts.mixers.length > 0)}`, plugin);
  }
}

/**
 * Creates everything that works in a step, with its variables: networks, teachers, losses, optimizer, in this order.
 * @throws DMX_PLUGIN_FAILED, DMX_PATCH_MULTIPLE, DMX_LOSS_NEEDS, DMX_PARAMETER_TWICE.
 */
export async function buildParts(material: BuildMaterial): Promise<StepParts> {
  const { run, session, facts } = material;
  const ops = createOps(session.ops);
  const networks = await createStudents(ops, material);
  const boundLosses = await run.resolve('loss');
  const { used, idle } = teachersInUse(await run.resolve('teacher'), boundLosses);
  for (const { id, plugin } of idle) {
    material.warn(`teacher:${id} is left out: it gives tokens, and no loss in use takes any.`, plugin);
  }
  const teachers = await openTeachers(used, networks, material);
  const losses = bindLosses(boundLosses, run.config);
  assertNeeds(losses, teachers);
  const weighters = bindParts('weighter', await run.resolve('weighter'));
  const selectors = bindParts('selector', await run.resolve('selector'));
  assertStudents(weighters, networks);
  const mixers = await run.resolve('mixer');
  assertPartsFit({ teachers, selectors, losses, mixers }, run.config);
  const scoped = scopedParts({ losses, selectors, weighters }, teachers, material);
  const students = withPartVariables(networks, scoped, material);
  const [optimizer] = await run.resolve('optimizer');
  const [schedule] = await run.resolve('schedule');
  for (const { id, key, specs } of students) {
    const state = optimizer!.value.state(specs.filter(({ trainable }) => trainable));
    createAll(state, key, (name) => optimizerVariable(id, name), material);
  }
  const shape = { unlabelled: run.config.train.batch.unlabelled > 0, mixers: mixers.length > 0 };
  const parts: StepParts = {
    students,
    teachers,
    mixers,
    selectors,
    weighters,
    losses,
    optimizer: optimizer!,
    schedule: schedule!,
    ops,
    classCount: facts.classes.length,
    views: viewsInUse({ losses, teachers, selectors, weighters }, shape),
    clipNorm: run.config.train.clipNorm,
  };
  warnUnused(parts, run.config, material.warn);
  return parts;
}
