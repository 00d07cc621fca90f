import type { Index3, MixPlan, NamedTensors } from '@dinomix/core';
import { pad, type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import { planTokenMix } from '../../mixing/tokens.js';
import { gatherAnswers, tokensOf } from '../graph/answers.js';
import { answerName, tokenMix, viewTensor } from '../names.js';
import { needsMixedTokens } from '../needs.js';
import type { TeacherPart } from '../parts.js';
import { type AskMaterial, askTeacher } from './ask-teacher.js';
import { MIXED_VIEWS, type MixedStep } from './mix-step.js';
import type { StepInputs } from './step-inputs.js';

/**
 * Sizes that grow to what a step needed and stay there, so that a plan with fewer boxes or donors is not a new graph.
 */
export interface TokenSlots {
  terms: number;
  donors: number;
}

/** Donors in whole multiples of the mixed crops: their number changes from plan to plan, and every new size is a new graph. */
function roomFor({ donors, labelled, unlabelled }: MixPlan): number {
  const mixed = Math.max(1, labelled.length + unlabelled.length);
  return mixed * Math.ceil(donors.length / mixed);
}

function widest({ labelled, unlabelled }: MixPlan): number {
  return Math.max(0, ...[...labelled, ...unlabelled].map(({ pastes }) => pastes.length));
}

/** What the mix of tokens is made from. */
export interface TokenMixMaterial extends Pick<AskMaterial, 'parts' | 'moment' | 'sink'> {
  readonly mixed: MixedStep;
  readonly slots: TokenSlots;
  readonly inputs: StepInputs;
  /** Variables of the run. */
  readonly variables: NamedTensors<Tensor>;
}

/** Tokens of the donor crops, filled up with zeros to as many as there are slots: `[slots, d', h', w', c]`. */
async function donorTokens(teacher: TeacherPart, like: Tensor, material: TokenMixMaterial): Promise<Tensor> {
  const { mixed, inputs, variables } = material;
  const { donors } = mixed;
  const slots = material.slots.donors;
  const shape = like.shape as [number, number, number, number, number];
  if (donors === null) return zeros([slots, ...shape.slice(1)]);
  const image = tensor(donors.image, [...donors.shape, 1]);
  const host = { labelled: { crops: donors.crops, data: donors.image } };
  try {
    const tensors = { ...variables, ...inputs.tensors, [viewTensor('labelled', 'image')]: image };
    const answer = await askTeacher(teacher, ['labelled'], tensors, { ...material, host });
    for (const unused of Object.values(answer.labelled?.probabilities ?? {})) unused.dispose();
    const tokens = answer.labelled!.tokens!;
    const missing = slots - donors.crops.length;
    if (missing === 0) return tokens;
    const filled = pad(tokens, [[0, missing], ...shape.slice(1).map((): [number, number] => [0, 0])]);
    tokens.dispose();
    return filled;
  } finally {
    image.dispose();
  }
}

/** Adds what mixes the tokens of each teacher as the crops were mixed, where a loss takes tokens on mixed views. */
export async function addTokenMix(material: TokenMixMaterial): Promise<void> {
  const { mixed, slots, inputs, parts } = material;
  if (!needsMixedTokens(parts)) return;
  slots.terms = Math.max(slots.terms, widest(mixed.plan) + 1);
  slots.donors = Math.max(slots.donors, roomFor(mixed.plan));
  for (const teacher of parts.teachers) {
    const answers = gatherAnswers(inputs.tensors);
    const labelled = tokensOf(answers, 'labelled')[teacher.id];
    if (labelled === undefined) continue;
    const unlabelled = tokensOf(answers, 'unlabelled')[teacher.id];
    if (slots.donors > 0) {
      const tokens = await donorTokens(teacher, labelled, material);
      inputs.add({ [answerName({ teacherId: teacher.id, part: 'donor', studentId: null, map: null })]: tokens });
    }
    const [batch, depth, height, width] = labelled.shape as [number, number, number, number];
    const cells = depth * height * width;
    const afterLabelled = batch * cells;
    const first = {
      labelled: 0,
      unlabelled: afterLabelled,
      donor: afterLabelled + (unlabelled?.shape[0] ?? 0) * cells,
    };
    const patch = inputs.tensors[viewTensor('labelled', 'image')]!.shape.slice(1, 4) as unknown as Index3;
    for (const list of ['labelled', 'unlabelled'] as const) {
      const view = MIXED_VIEWS[list];
      if (!(viewTensor(view, 'image') in inputs.tensors)) continue;
      const mix = planTokenMix(mixed.plan[list], [depth, height, width], patch, first, slots.terms);
      const shape = [mixed.plan[list].length * cells, mix.terms];
      inputs.add({
        [tokenMix(view, 'index', teacher.id)]: tensor(mix.index, shape, 'int32'),
        [tokenMix(view, 'weight', teacher.id)]: tensor(mix.weight, shape),
      });
    }
  }
}
