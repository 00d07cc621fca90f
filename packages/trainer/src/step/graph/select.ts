import type { NamedTensors, PseudoTarget, StudentOutput, ViewName } from '@dinomix/core';
import { add, cast, mean, mul, ones, sub, type Tensor, where, zeros } from '@tensorflow/tfjs-core';
import { guarded } from '../guard.js';
import { PSEUDO_WEIGHT, partPrefix, studentVariable, viewTensor } from '../names.js';
import { BATCH_PARTS, type SelectorPart, type StudentPart } from '../parts.js';
import type { StepEnvironment } from './environment.js';
import { type PartScope, partContext } from './part-context.js';
import type { Sink } from './sink.js';
import type { CleanTargets, UnseenView } from './views.js';

/** What selectors work with for one student. */
export interface SelectMaterial {
  readonly student: StudentPart;
  readonly tensors: NamedTensors<Tensor>;
  readonly env: StepEnvironment;
  readonly sink: Sink;
}

/** What the student says about a view, as constants of the tape. */
export type SaidAbout = (view: ViewName) => StudentOutput<Tensor> | null;

type Weighted = PseudoTarget<Tensor> & { readonly weight: Tensor };

/** A target before one selector and after it. */
interface Turn {
  readonly view: ViewName;
  readonly image: Tensor;
  readonly truth: Tensor;
  readonly target: Weighted;
}

function scopeOf({ key, plugin, id }: SelectorPart, studentId: string): PartScope {
  return { key, plugin, studentId, prefix: studentVariable(studentId, partPrefix('selector', id)) };
}

function assertLike(what: string, value: Tensor, target: Tensor, dtype: string): void {
  if (value.shape.join() === target.shape.join() && value.dtype === dtype) return;
  throw new Error(`its ${what} is ${value.dtype} [${value.shape}]; expected ${dtype} [${target.shape}]`);
}

function applyOne(selector: SelectorPart, turn: Turn, said: SaidAbout, material: SelectMaterial): Weighted {
  const { student, tensors, env, sink } = material;
  const ctx = partContext(scopeOf(selector, student.id), tensors, env, {
    ...sink,
    report: (owner, name, values, unit) => sink.report(`${owner}/${turn.view}`, name, values, unit),
  });
  const isOfOutputs = selector.slot.takes === 'outputs';
  const labelled = {
    image: tensors[viewTensor('labelled', 'image')]!,
    label: tensors[viewTensor('labelled', 'label')]!,
    output: isOfOutputs ? said('labelled') : null,
  };
  const input = { studentId: student.id, ...turn, own: isOfOutputs ? said(turn.view) : null, labelled };
  return guarded(selector, `select voxels of "${turn.view}"`, env.moment.position, () => {
    const { weight, label } = selector.slot.select(input, ctx);
    assertLike('weight', weight, turn.target.weight, 'float32');
    if (label !== undefined) assertLike('label', label, turn.target.label, 'int32');
    ctx.report('kept', mean(weight), 'share');
    return { ...turn.target, weight, label: label ?? turn.target.label };
  });
}

/** Lets the selectors of targets act on what the teachers say about the clean parts. */
export function selectTargets(targets: CleanTargets, material: SelectMaterial): CleanTargets {
  const selectors = material.env.parts.selectors.filter(({ slot }) => slot.takes === 'targets');
  if (selectors.length === 0) return targets;
  const selected = BATCH_PARTS.map((view) => {
    const given = targets[view];
    if (given === null) return [view, given] as const;
    const shape = given.label.shape;
    const turn = { view, image: material.tensors[viewTensor(view, 'image')]!, truth: zeros(shape) };
    const target = selectors.reduce<Weighted>(
      (so, selector) => applyOne(selector, { ...turn, target: so }, () => null, material),
      { ...given, weight: given.weight ?? ones(shape) },
    );
    return [view, target] as const;
  });
  return Object.fromEntries(selected) as unknown as CleanTargets;
}

/** The target of a view as selectors of outputs see it; null where nothing of it is a pseudo-label. */
function pseudoOf({ name, pseudo, target, confidence, selection }: UnseenView): PseudoTarget<Tensor> | null {
  if (!name.startsWith('mixed-')) return pseudo;
  return target === null ? null : { label: target, confidence, probabilities: null, weight: selection, maps: {} };
}

/** The view with the target that selectors of outputs left; ground truth keeps its classes and its weight. */
function withTarget(view: UnseenView, target: Weighted, tensors: NamedTensors<Tensor>): UnseenView {
  if (view.name === 'labelled') return { ...view, pseudo: target };
  if (view.name === 'unlabelled') {
    return { ...view, pseudo: target, target: target.label, voxelWeight: target.weight };
  }
  const { truth } = view;
  const weight = add(truth, mul(sub(1, truth), mul(target.weight, tensors[PSEUDO_WEIGHT]!)));
  return { ...view, target: where(cast(truth, 'bool'), view.target!, target.label), voxelWeight: weight };
}

/** Lets the selectors of outputs act on the views of a student. */
export function selectViews(
  views: readonly UnseenView[],
  said: SaidAbout,
  material: SelectMaterial,
): readonly UnseenView[] {
  const selectors = material.env.parts.selectors.filter(({ slot }) => slot.takes === 'outputs');
  if (selectors.length === 0) return views;
  return views.map((view) => {
    const given = pseudoOf(view);
    if (given === null) return view;
    const { name, image } = view;
    const truth = name === 'labelled' ? zeros(view.truth.shape) : view.truth;
    const target = selectors.reduce<Weighted>(
      (so, selector) => applyOne(selector, { view: name, image, truth, target: so }, said, material),
      { ...given, weight: given.weight ?? ones(given.label.shape) },
    );
    return withTarget(view, target, material.tensors);
  });
}
