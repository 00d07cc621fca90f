import type { BatchPart, NamedTensors, WeighterView } from '@dinomix/core';
import { mul, ones, type Tensor } from '@tensorflow/tfjs-core';
import { guarded } from '../guard.js';
import { hostClassWeights, partPrefix, studentVariable, viewTensor } from '../names.js';
import { type StudentPart, type WeighterPart, weighs } from '../parts.js';
import { extendContext, hookContext, type StepEnvironment } from './environment.js';
import { partContext } from './part-context.js';
import type { SaidAbout } from './select.js';
import type { Sink } from './sink.js';
import type { UnseenView } from './views.js';

/** What weighters work with for one student. */
export interface WeighMaterial {
  readonly student: StudentPart;
  readonly views: readonly UnseenView[];
  readonly said: SaidAbout;
  readonly tensors: NamedTensors<Tensor>;
  readonly env: StepEnvironment;
  readonly sink: Sink;
}

function viewsFor(weighter: WeighterPart, { views, said, tensors }: WeighMaterial) {
  const given = weighter.slot.takes.flatMap((part): (readonly [BatchPart, WeighterView<Tensor>])[] => {
    const view = views.find(({ name }) => name === part);
    const output = said(part);
    if (view === undefined || output === null) return [];
    const label = part === 'labelled' ? tensors[viewTensor('labelled', 'label')]! : null;
    return [[part, { logits: output.logits, label, pseudo: view.pseudo }]];
  });
  return Object.fromEntries(given);
}

function assertWeights(weights: Tensor, classCount: number): void {
  if (weights.rank === 1 && weights.shape[0] === classCount && weights.dtype === 'float32') return;
  throw new Error(`its weights are ${weights.dtype} [${weights.shape}]; expected float32 [${classCount}]`);
}

function weighBy(weighter: WeighterPart, material: WeighMaterial): Tensor | null {
  const { student, tensors, env, sink } = material;
  const prefix = studentVariable(student.id, partPrefix('weighter', weighter.id));
  const scope = { key: weighter.key, plugin: weighter.plugin, studentId: student.id, prefix };
  const input = { studentId: student.id, views: viewsFor(weighter, material) };
  return guarded(weighter, `weigh the classes of "${student.id}"`, env.moment.position, () => {
    const weights = weighter.slot.weigh(input, partContext(scope, tensors, env, sink));
    if (weights !== null) assertWeights(weights, env.parts.classCount);
    return weights;
  });
}

/** Class weights `[k]` of a student in this step: those of all weighters multiplied; null where none weighs. */
export function weighStudent(material: WeighMaterial): Tensor | null {
  const { student, tensors, env } = material;
  const own = env.parts.weighters.filter((one) => one.slot.host === undefined && weighs(one, student.id));
  const given = [tensors[hostClassWeights(student.id)], ...own.map((weighter) => weighBy(weighter, material))];
  const found = given.filter((weights): weights is Tensor => weights !== undefined && weights !== null);
  const product = found.length === 0 ? null : found.reduce((all, weights) => mul(all, weights));
  const { weightsUpdate } = env.hooks;
  if (!weightsUpdate.isUsed()) return product;
  return weightsUpdate.call(
    product ?? ones([env.parts.classCount]),
    extendContext(hookContext(env), { studentId: student.id }),
  );
}
