import type { Crop, NamedTensors, PseudoTarget, ViewName } from '@dinomix/core';
import {
  add,
  cast,
  concat,
  gather,
  mul,
  ones,
  reshape,
  sub,
  sum,
  type Tensor,
  where,
  zeros,
} from '@tensorflow/tfjs-core';
import type { LossViewTensors } from '../../types.js';
import { PSEUDO_WEIGHT, tokenMix, viewTensor } from '../names.js';
import { type Answers, tokensOf } from './answers.js';

/** A view of a student before the student has looked at it. */
export interface UnseenView extends Omit<LossViewTensors, 'logits' | 'heads' | 'features'> {
  /** Weight that selectors gave to pseudo-labels `[b, d, h, w]`, without that of the plan; null for 1. */
  readonly selection: Tensor | null;
}

/** What views are made from besides tensors. */
export interface ViewMaterial {
  readonly crops: Readonly<Partial<Record<ViewName, readonly Crop[]>>>;
  /** Called when somebody looks at the crops, which change from step to step. */
  readonly onLook: () => void;
}

/** What the teachers say for a student about the clean parts. */
export interface CleanTargets {
  readonly labelled: PseudoTarget<Tensor> | null;
  readonly unlabelled: PseudoTarget<Tensor> | null;
}

type Mixed = 'mixed-labelled' | 'mixed-unlabelled';
type Content = Omit<UnseenView, 'name' | 'crops'>;

/** `[b, d, h, w]` of `[b, d, h, w, m]`. */
function spatial(image: Tensor): number[] {
  return image.shape.slice(0, 4);
}

function labelledView(tensors: NamedTensors<Tensor>, pseudo: CleanTargets, tokens: NamedTensors<Tensor>): Content {
  const image = tensors[viewTensor('labelled', 'image')]!;
  const one = ones(spatial(image));
  const truth = { voxelWeight: one, truth: one, confidence: one };
  return {
    image,
    target: tensors[viewTensor('labelled', 'label')]!,
    ...truth,
    pseudo: pseudo.labelled,
    selection: null,
    tokens,
  };
}

function unlabelledView(tensors: NamedTensors<Tensor>, targets: CleanTargets, tokens: NamedTensors<Tensor>): Content {
  const image = tensors[viewTensor('unlabelled', 'image')]!;
  const shape = spatial(image);
  const pseudo = targets.unlabelled;
  const selection = pseudo?.weight ?? null;
  const confidence = pseudo?.confidence ?? zeros(shape);
  const target = pseudo?.label ?? null;
  return {
    image,
    target,
    voxelWeight: selection ?? ones(shape),
    truth: zeros(shape),
    confidence,
    pseudo,
    selection,
    tokens,
  };
}

/** Tokens of a mixed view: each cell is a weighted sum of cells of the sources. */
export function mixTokens(view: Mixed, tensors: NamedTensors<Tensor>, answers: Answers): NamedTensors<Tensor> {
  const mixed: Record<string, Tensor> = {};
  for (const teacher of Object.keys(answers)) {
    const index = tensors[tokenMix(view, 'index', teacher)];
    const weight = tensors[tokenMix(view, 'weight', teacher)];
    if (index === undefined || weight === undefined) continue;
    const sources = (['labelled', 'unlabelled', 'donor'] as const).flatMap(
      (part) => tokensOf(answers, part)[teacher] ?? [],
    );
    const [, depth, height, width, channels] = sources[0]!.shape as [number, number, number, number, number];
    const cells = concat(sources.map((tokens) => reshape(tokens, [-1, channels])));
    const terms = mul(gather(cells, index), reshape(weight, [...weight.shape, 1]));
    mixed[teacher] = reshape(sum(terms, 1), [-1, depth, height, width, channels]);
  }
  return mixed;
}

function mixedView(
  view: Mixed,
  tensors: NamedTensors<Tensor>,
  { unlabelled: pseudo }: CleanTargets,
  answers: Answers,
): Content {
  const image = tensors[viewTensor(view, 'image')]!;
  const label = tensors[viewTensor(view, 'label')]!;
  const truth = tensors[viewTensor(view, 'truth')]!;
  const rest = sub(1, truth);
  const tokens = mixTokens(view, tensors, answers);
  const pseudoWeight = mul(rest, tensors[PSEUDO_WEIGHT]!);
  if (pseudo === null) {
    const weighed = { voxelWeight: add(truth, pseudoWeight), truth, confidence: truth };
    return { image, target: label, ...weighed, pseudo: null, selection: null, tokens };
  }
  const pick = tensors[viewTensor(view, 'pick')]!;
  const picked = (values: Tensor): Tensor => gather(reshape(values, [-1]), pick);
  const target = where(cast(truth, 'bool'), label, picked(pseudo.label));
  const confidence = add(truth, mul(rest, picked(pseudo.confidence)));
  const selection = pseudo.weight === null ? null : picked(pseudo.weight);
  const voxelWeight = add(truth, selection === null ? pseudoWeight : mul(pseudoWeight, selection));
  return { image, target, voxelWeight, truth, confidence, pseudo: null, selection, tokens };
}

/** Builds the views of one student; those whose tensors are not there are left out. */
export function buildViews(
  wanted: readonly ViewName[],
  pseudo: CleanTargets,
  tensors: NamedTensors<Tensor>,
  answers: Answers,
  material: ViewMaterial,
): readonly UnseenView[] {
  const content = (name: ViewName): Content => {
    switch (name) {
      case 'labelled':
        return labelledView(tensors, pseudo, tokensOf(answers, 'labelled'));
      case 'unlabelled':
        return unlabelledView(tensors, pseudo, tokensOf(answers, 'unlabelled'));
      case 'mixed-labelled':
      case 'mixed-unlabelled':
        return mixedView(name, tensors, pseudo, answers);
    }
  };
  const crops = (name: ViewName) => () => {
    material.onLook();
    return material.crops[name] ?? [];
  };
  return wanted
    .filter((name) => viewTensor(name, 'image') in tensors)
    .map((name) => ({ name, crops: crops(name), ...content(name) }));
}
