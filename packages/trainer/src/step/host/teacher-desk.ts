import type { Batch, HookCallers, NamedTensors, TeacherOutputs } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../../errors.js';
import { contextFor, type StepMoment } from '../contexts.js';
import { flattenAnswers } from '../graph/answers.js';
import { extendContext } from '../graph/environment.js';
import type { Sink } from '../graph/sink.js';
import type { HostParts } from '../host-parts.js';
import { ownerOf, SHARED_PSEUDO_LABEL } from '../names.js';
import { needsMixedTokens, partsToAsk } from '../needs.js';
import type { StepParts, TeacherPart } from '../parts.js';
import { askTeacher } from './ask-teacher.js';
import type { GraphCache } from './graph-cache.js';
import type { StepInputs } from './step-inputs.js';

/** The teachers in one step: who is asked when. */
export interface TeacherDesk {
  /** Teachers of images that are left for the graph of the step. */
  traced(): readonly TeacherPart[];
  /** Teachers by what the students say. */
  readonly taughtBy: readonly TeacherPart[];
  /** Whether unlabelled crops have pseudo-labels before the students pass. */
  readonly hasPseudo: boolean;
  /** Asks those who cannot be part of a graph. */
  askOutside(): Promise<void>;
  /** Asks those that are left in a graph of their own, so that the graph of the step has none. */
  askBefore(): void;
  /** Pseudo-labels (argmax) of the unlabelled crops `[b, d, h, w]`, read from the device; null without a teacher. */
  pseudoLabels(): Promise<Uint8Array | null>;
}

/** What a desk works with. */
export interface DeskMaterial {
  readonly parts: StepParts;
  readonly hooks: HookCallers<Tensor>;
  readonly moment: StepMoment;
  readonly batch: Batch;
  readonly host: HostParts;
  readonly inputs: StepInputs;
  /** Takes what teachers report. */
  readonly sink: Sink;
  /** Variables of the run. */
  readonly variables: NamedTensors<Tensor>;
  /** The graph of the teachers alone. */
  readonly graph: GraphCache<void>;
}

/** Lets `teacher.resolve` choose among the teachers of the config. */
export async function chooseTeachers(
  { teachers }: StepParts,
  hooks: HookCallers<Tensor>,
  moment: StepMoment,
): Promise<readonly TeacherPart[]> {
  if (!hooks.teacherResolve.isUsed()) return teachers;
  const ids = teachers.map(({ id }) => id);
  const choice = await hooks.teacherResolve.call(ids, contextFor('hook', moment));
  if (choice === undefined) return teachers;
  for (const id of choice.teachers) {
    if (!ids.includes(id)) throw trainerError('DMX_TEACHER_CHOICE', { id, known: ids });
  }
  return teachers.filter(({ id }) => choice.teachers.includes(id));
}

/** Lets `teacher.predicted` change the answers; what it leaves out is disposed. */
async function throughHook(outputs: TeacherOutputs<Tensor>, { hooks, moment, batch }: DeskMaterial) {
  if (!hooks.teacherPredicted.isUsed()) return outputs;
  const given = Object.values(flattenAnswers(outputs));
  const changed = await hooks.teacherPredicted.call(outputs, extendContext(contextFor('hook', moment), { batch }));
  const kept = new Set(Object.values(flattenAnswers(changed)));
  for (const value of given) if (!kept.has(value)) value.dispose();
  return changed;
}

/** @param chosen - teachers of this step. */
export function createTeacherDesk(chosen: readonly TeacherPart[], material: DeskMaterial): TeacherDesk {
  const { parts, hooks, inputs, variables, batch } = material;
  const needed = chosen.filter((teacher) => partsToAsk(teacher, parts).length > 0);
  const taughtBy = needed.filter(({ slot }) => slot.takes === 'outputs');
  const asked = needed.filter((teacher) => !taughtBy.includes(teacher));
  // Tokens that are mixed must have a known grid before the graph is made, and a hook must see whole answers.
  const isOutside = ({ slot }: TeacherPart): boolean =>
    slot.traceable !== true || hooks.teacherPredicted.isUsed() || (slot.produces.tokens && needsMixedTokens(parts));
  let traced = asked.filter((teacher) => !isOutside(teacher));
  let forced = false;
  const all = (): NamedTensors<Tensor> => ({ ...variables, ...inputs.tensors });

  /** Runs the teachers now, so that their answers can be read before the mix. */
  const force = (): void => {
    if (forced) return;
    forced = true;
    const weights = Object.entries(variables).filter(([name]) => ownerOf(name) !== 'optimizer');
    const { outputs } = material.graph.run(traced.map(({ id }) => id).join(','), {
      ...Object.fromEntries(weights),
      ...inputs.tensors,
    });
    inputs.add(outputs);
    traced = [];
  };
  const hasPseudo =
    batch.unlabelled !== null &&
    asked.some(({ slot }) => slot.produces.probabilities && slot.looksAt.includes('unlabelled'));
  return {
    traced: () => traced,
    taughtBy,
    hasPseudo,
    async askOutside() {
      const outputs: Record<string, TeacherOutputs<Tensor>[string]> = {};
      for (const teacher of asked.filter(isOutside)) {
        outputs[teacher.id] = await askTeacher(teacher, partsToAsk(teacher, parts), all(), material);
      }
      inputs.add(flattenAnswers(await throughHook(outputs, material)));
    },
    askBefore() {
      if (traced.length > 0) force();
    },
    async pseudoLabels() {
      if (!hasPseudo) return null;
      force();
      return new Uint8Array(await inputs.tensors[SHARED_PSEUDO_LABEL]!.data());
    },
  };
}
