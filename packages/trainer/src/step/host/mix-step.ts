import type {
  Batch,
  Crop,
  DatasetFacts,
  DonorBank,
  HookCallers,
  LabelledBatch,
  MixFacts,
  MixItem,
  MixPlan,
  NamedTensors,
  SourceRef,
  ViewName,
} from '@dinomix/core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { applyPlan, type MixSource } from '../../mixing/apply.js';
import { baseCrops, checkPlan, identityPlan } from '../../mixing/plan.js';
import { contextFor, type StepMoment } from '../contexts.js';
import { extendContext } from '../graph/environment.js';
import { guardedAsync } from '../guard.js';
import { viewTensor } from '../names.js';
import type { StepParts } from '../parts.js';

/** The view that each list of a plan makes. */
export const MIXED_VIEWS = { labelled: 'mixed-labelled', unlabelled: 'mixed-unlabelled' } as const;

/** What mixing needs besides the batch. */
export interface MixMaterial {
  readonly parts: StepParts;
  readonly hooks: HookCallers<Tensor>;
  readonly facts: DatasetFacts;
  readonly bank: DonorBank;
  readonly cutDonors: (crops: readonly Crop[]) => Promise<LabelledBatch>;
  /** Reads the pseudo-labels of the unlabelled crops. */
  readonly pseudoLabels: () => Promise<Uint8Array | null>;
  /** Whether unlabelled crops have pseudo-labels at all. */
  readonly hasPseudo: boolean;
}

/** A plan with what it was applied to. */
export interface MixedStep {
  readonly plan: MixPlan;
  readonly donors: LabelledBatch | null;
  readonly crops: Readonly<Partial<Record<ViewName, readonly Crop[]>>>;
}

/** Lets mixers and hooks make the plan. */
async function makePlan(batch: Batch, material: MixMaterial, moment: StepMoment): Promise<MixPlan> {
  const { labelled, unlabelled } = batch;
  const { parts, facts, bank, hooks, pseudoLabels } = material;
  const bounds = {
    labelled: labelled.shape[0],
    unlabelled: material.hasPseudo ? (unlabelled?.shape[0] ?? 0) : 0,
    patch: labelled.shape.slice(1) as unknown as readonly [number, number, number],
    labelledCases: new Set(facts.splits.labelled),
  };
  let plan = identityPlan(bounds.labelled, bounds.unlabelled);
  for (const { id, plugin, value: mixer } of parts.mixers) {
    const key = `mixer:${id}`;
    const given: MixFacts = {
      labelledShape: labelled.shape,
      unlabelledShape: unlabelled?.shape ?? null,
      labels: labelled.label,
      labelledCrops: labelled.crops,
      unlabelledCrops: unlabelled?.crops ?? [],
      hasPseudoLabels: bounds.unlabelled > 0,
      pseudoLabels,
      dataset: facts,
      donors: bank,
      previous: plan,
    };
    const make = () => mixer.plan(given, contextFor(key, moment));
    plan = await guardedAsync({ key, plugin }, 'plan a mix', moment.position, make);
    checkPlan(plan, bounds, `${key} (${plugin})`);
  }
  if (!hooks.mixerPlan.isUsed()) return plan;
  const changed = await hooks.mixerPlan.call(plan, extendContext(contextFor('hook', moment), { batch }));
  checkPlan(changed, bounds, 'A plugin on mixer.plan');
  return changed;
}

/** Wraps the arrays of a mixed view as inputs of the graph. */
function mixedInputs(
  view: ViewName,
  items: readonly MixItem[],
  sources: Readonly<Record<SourceRef['set'], MixSource | null>>,
  patch: readonly [number, number, number],
  withPick: boolean,
): NamedTensors<Tensor> {
  const { image, label, truth, pick } = applyPlan(items, sources, patch);
  const shape = [items.length, ...patch];
  return {
    [viewTensor(view, 'image')]: tensor(image, [...shape, 1]),
    [viewTensor(view, 'label')]: tensor(label, shape, 'int32'),
    [viewTensor(view, 'truth')]: tensor(truth, shape),
    ...(withPick ? { [viewTensor(view, 'pick')]: tensor(pick, shape, 'int32') } : {}),
  };
}

/**
 * Plans and applies the mix of a step.
 * @returns the plan, and the inputs of the graph that it adds; they belong to the caller.
 */
export async function mixStep(
  batch: Batch,
  material: MixMaterial,
  moment: StepMoment,
): Promise<{ readonly mixed: MixedStep; readonly inputs: NamedTensors<Tensor> }> {
  const { labelled, unlabelled } = batch;
  const clean = { labelled: labelled.crops, ...(unlabelled === null ? {} : { unlabelled: unlabelled.crops }) };
  const { parts } = material;
  const plan =
    parts.mixers.length > 0
      ? await makePlan(batch, material, moment)
      : { donors: [], labelled: [], unlabelled: [], pseudoWeight: 1 };
  const donors = plan.donors.length > 0 ? await material.cutDonors(plan.donors) : null;
  const sources = {
    labelled: { image: labelled.image, label: labelled.label },
    unlabelled: unlabelled && { image: unlabelled.image, label: null },
    donor: donors && { image: donors.image, label: donors.label },
  };
  const patch = labelled.shape.slice(1) as unknown as readonly [number, number, number];
  const inputs: Record<string, Tensor> = {};
  const crops: Partial<Record<ViewName, readonly Crop[]>> = { ...clean };
  for (const list of ['labelled', 'unlabelled'] as const) {
    const view = MIXED_VIEWS[list];
    if (!parts.views.some(({ name }) => name === view) || plan[list].length === 0) continue;
    crops[view] = baseCrops(plan[list], {
      labelled: labelled.crops,
      unlabelled: unlabelled?.crops ?? [],
      donor: plan.donors,
    });
    Object.assign(inputs, mixedInputs(view, plan[list], sources, patch, material.hasPseudo));
  }
  return { mixed: { plan, donors, crops }, inputs };
}
