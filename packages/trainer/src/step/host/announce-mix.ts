import type { Batch, HookCallers, MixedView, NamedTensors, ViewName } from '@dinomix/core';
import { clone, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { contextFor, type StepMoment } from '../contexts.js';
import { pseudoTarget } from '../graph/answers.js';
import { extendContext, type StepEnvironment } from '../graph/environment.js';
import { answersOfImages, presentViews } from '../graph/evaluate-step.js';
import { selectTargets } from '../graph/select.js';
import { createSink } from '../graph/sink.js';
import { buildViews } from '../graph/views.js';
import type { MixedStep } from './mix-step.js';

function mixedTensors(tensors: NamedTensors<Tensor>, env: StepEnvironment): NamedTensors<Tensor> {
  return tidy(() => {
    const [student] = env.parts.students;
    const sink = createSink();
    const wanted = presentViews(env, tensors).filter((name) => name.startsWith('mixed-'));
    const answers = answersOfImages(tensors, env, sink);
    const targets = {
      labelled: pseudoTarget(tensors, answers, student!.id, 'labelled'),
      unlabelled: pseudoTarget(tensors, answers, student!.id, 'unlabelled'),
    };
    const selected = selectTargets(targets, { student: student!, tensors, env, sink });
    const made: Record<string, Tensor> = {};
    const material = { crops: env.crops, onLook: () => undefined };
    for (const view of buildViews(wanted, selected, tensors, answers, material)) {
      const { name, image, target, voxelWeight, truth, confidence, tokens } = view;
      const fields = { image, target: target!, voxelWeight, truth, confidence };
      for (const [field, value] of Object.entries(fields)) made[`${name}|${field}`] = clone(value);
      for (const [teacher, value] of Object.entries(tokens)) made[`${name}|token|${teacher}`] = clone(value);
    }
    return made;
  });
}

/**
 * Shows the mixed batch, as the first student will see it, to `mixer.mixed`. The tensors are made for the hook alone.
 */
export async function announceMix(
  batch: Batch,
  { plan, crops }: MixedStep,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
  hooks: HookCallers<Tensor>,
  moment: StepMoment,
): Promise<void> {
  const made = mixedTensors(tensors, env);
  const views: Partial<Record<ViewName, MixedView<Tensor>>> = {};
  for (const { name } of env.parts.views) {
    const field = (key: string): Tensor => made[`${name}|${key}`]!;
    if (made[`${name}|image`] === undefined) continue;
    const tokens = Object.entries(made).filter(([key]) => key.startsWith(`${name}|token|`));
    views[name] = {
      crops: crops[name] ?? [],
      image: field('image'),
      target: field('target'),
      voxelWeight: field('voxelWeight'),
      truth: field('truth'),
      confidence: field('confidence'),
      tokens: Object.fromEntries(tokens.map(([key, value]) => [key.split('|')[2]!, value])),
    };
  }
  try {
    await hooks.mixerMixed.call({ plan, views }, extendContext(contextFor('hook', moment), { batch }));
  } finally {
    for (const value of Object.values(made)) value.dispose();
  }
}
