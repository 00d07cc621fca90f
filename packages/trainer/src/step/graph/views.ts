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
import { type Answers, pseudoTarget, tokensOf } from './answers.js';

/** A view of a student before the student has looked at it. */
export type UnseenView = Omit<LossViewTensors, 'logits' | 'features'>;

/** What views are made from besides tensors. */
export interface ViewMaterial {
  readonly crops: Readonly<Partial<Record<ViewName, readonly Crop[]>>>;
  /** Called when somebody looks at the crops, which change from step to step. */
  readonly onLook: () => void;
}

type Mixed = 'mixed-labelled' | 'mixed-unlabelled';

function named(name: ViewName, material: ViewMaterial): Pick<UnseenView, 'name' | 'crops'> {
  return {
    name,
    get crops() {
      material.onLook();
      return material.crops[name] ?? [];
    },
  };
}

/** `[b, d, h, w]` of `[b, d, h, w, 1]`. */
function spatial(image: Tensor): number[] {
  return image.shape.slice(0, 4);
}

function labelledView(
  tensors: NamedTensors<Tensor>,
  pseudo: PseudoTarget<Tensor> | null,
  tokens: NamedTensors<Tensor>,
) {
  const image = tensors[viewTensor('labelled', 'image')]!;
  const one = ones(spatial(image));
  const truth = { voxelWeight: one, truth: one, confidence: one };
  return { image, target: tensors[viewTensor('labelled', 'label')]!, ...truth, pseudo, tokens };
}

function unlabelledView(
  tensors: NamedTensors<Tensor>,
  pseudo: PseudoTarget<Tensor> | null,
  tokens: NamedTensors<Tensor>,
) {
  const image = tensors[viewTensor('unlabelled', 'image')]!;
  const shape = spatial(image);
  const voxelWeight = mul(ones(shape), tensors[PSEUDO_WEIGHT]!);
  const confidence = pseudo?.confidence ?? zeros(shape);
  return { image, target: pseudo?.label ?? null, voxelWeight, truth: zeros(shape), confidence, pseudo, tokens };
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

function mixedView(view: Mixed, tensors: NamedTensors<Tensor>, pseudo: PseudoTarget<Tensor> | null, answers: Answers) {
  const image = tensors[viewTensor(view, 'image')]!;
  const label = tensors[viewTensor(view, 'label')]!;
  const truth = tensors[viewTensor(view, 'truth')]!;
  const rest = sub(1, truth);
  const voxelWeight = add(truth, mul(rest, tensors[PSEUDO_WEIGHT]!));
  const tokens = mixTokens(view, tensors, answers);
  if (pseudo === null) return { image, target: label, voxelWeight, truth, confidence: truth, pseudo: null, tokens };
  const pick = tensors[viewTensor(view, 'pick')]!;
  const picked = (values: Tensor): Tensor => gather(reshape(values, [-1]), pick);
  const target = where(cast(truth, 'bool'), label, picked(pseudo.label));
  const confidence = add(truth, mul(rest, picked(pseudo.confidence)));
  return { image, target, voxelWeight, truth, confidence, pseudo: null, tokens };
}

/** Builds the views of one student; those whose tensors are not there are left out. */
export function buildViews(
  wanted: readonly ViewName[],
  studentId: string,
  tensors: NamedTensors<Tensor>,
  answers: Answers,
  material: ViewMaterial,
): readonly UnseenView[] {
  const pseudo = {
    labelled: pseudoTarget(tensors, answers, studentId, 'labelled'),
    unlabelled: pseudoTarget(tensors, answers, studentId, 'unlabelled'),
  };
  const content = (name: ViewName) => {
    switch (name) {
      case 'labelled':
        return labelledView(tensors, pseudo.labelled, tokensOf(answers, 'labelled'));
      case 'unlabelled':
        return unlabelledView(tensors, pseudo.unlabelled, tokensOf(answers, 'unlabelled'));
      case 'mixed-labelled':
      case 'mixed-unlabelled':
        return mixedView(name, tensors, pseudo.unlabelled, answers);
    }
  };
  return wanted
    .filter((name) => viewTensor(name, 'image') in tensors)
    .map((name) => Object.assign(named(name, material), content(name)));
}
