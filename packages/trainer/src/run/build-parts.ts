import type { Bound, Dataset, DatasetFacts, ParameterSpec, ResolvedConfig, Run, ViewName } from '@dinomix/core';
import { clone, type Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import { type CaseStore, trainingVolumes } from '../loader/case-store.js';
import { createOps } from '../ops/create-ops.js';
import { runningStudents } from '../step/graph/students.js';
import { guarded, guardedAsync } from '../step/guard.js';
import type { initialValues } from '../step/host/initial-values.js';
import { teachersInUse } from '../step/host/teachers-in-use.js';
import type { Variables } from '../step/host/variables.js';
import { lossPrefix, optimizerVariable, studentVariable, teacherVariable } from '../step/names.js';
import { viewsInUse } from '../step/needs.js';
import { actsOn, type LossPart, type StepParts, type StudentPart, type TeacherPart } from '../step/parts.js';
import type { LossSlot, RunningBackend, TeacherSlot } from '../types.js';
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
  const own = new Set(
    students.flatMap((student) => student.model.parameters.map(({ name }) => `${student.id}/${name}`)),
  );
  const specs = slot.parameters?.() ?? [];
  createAll(specs, key, (name) => teacherVariable(id, name), material);
  const copied = specs.filter(({ name }) => own.has(name));
  const { tensors } = material.variables;
  const copies = copied.map(({ name }) => [teacherVariable(id, name), clone(tensors[`student/${name}`]!)] as const);
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

function bindLosses(bound: readonly Bound<LossSlot>[], { use }: ResolvedConfig): LossPart[] {
  return bound.map(({ id, plugin, value: slot }) => ({ key: `loss:${id}`, plugin, id, slot, weight: use.loss[id]! }));
}

/** @throws DMX_LOSS_NEEDS when no teacher gives what a loss takes. */
function assertNeeds(losses: readonly LossPart[], teachers: readonly TeacherPart[]): void {
  const given = { pseudoLabels: 'probabilities', probabilities: 'probabilities', tokens: 'tokens' } as const;
  for (const { key, plugin, slot } of losses) {
    for (const need of ['pseudoLabels', 'probabilities', 'tokens'] as const) {
      const kind = given[need];
      if (slot.needs[need] !== true || teachers.some((teacher) => teacher.slot.produces[kind])) continue;
      throw trainerError('DMX_LOSS_NEEDS', { key, plugin, kind, teachers: teachers.map(({ key: name }) => name) });
    }
  }
}

/** Adds the parameters that losses have for each student. */
function withLossParameters(
  students: readonly StudentPart[],
  losses: readonly LossPart[],
  teachers: readonly TeacherPart[],
  material: BuildMaterial,
): StudentPart[] {
  const classCount = material.facts.classes.length;
  const channels = teachers.flatMap(({ id, slot }) =>
    slot.produces.tokens ? [[id, slot.tokenChannels?.() ?? 0] as const] : [],
  );
  const tokenChannels = Object.fromEntries(channels);
  return students.map((student) => {
    const extra = losses.flatMap((loss) => {
      if (!actsOn(loss, student.id)) return [];
      const context = { studentId: student.id, model: student.model, classCount, tokenChannels };
      const specs = guarded(loss, 'declare its parameters', null, () => loss.slot.parameters?.(context) ?? []);
      return specs.map((spec) => ({ ...spec, name: lossPrefix(loss.id) + spec.name }));
    });
    createAll(extra, student.key, (name) => studentVariable(student.id, name), material);
    return { ...student, specs: [...student.specs, ...extra] };
  });
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
    if (slot.views.some((view) => parts.views.includes(view))) continue;
    const lack = `${key} is not used: this run has none of its views (${slot.views.join(', ')}).`;
    warn(`${lack}${wayToKeep(key, slot.views, config, parts.mixers.length > 0)}`, plugin);
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
  const students = withLossParameters(networks, losses, teachers, material);
  const [optimizer] = await run.resolve('optimizer');
  const [schedule] = await run.resolve('schedule');
  for (const { id, key, specs } of students) {
    const state = optimizer!.value.state(specs.filter(({ trainable }) => trainable));
    createAll(state, key, (name) => optimizerVariable(id, name), material);
  }
  const mixers = await run.resolve('mixer');
  const shape = { unlabelled: run.config.train.batch.unlabelled > 0, mixers: mixers.length > 0 };
  const parts: StepParts = {
    students,
    teachers,
    mixers,
    weighters: await run.resolve('weighter'),
    losses,
    optimizer: optimizer!,
    schedule: schedule!,
    ops,
    classCount: facts.classes.length,
    views: viewsInUse(losses, shape),
  };
  warnUnused(parts, run.config, material.warn);
  return parts;
}
