import type {
  Batch,
  DatasetFacts,
  HookCallers,
  NamedTensors,
  StudentClassWeights,
  StudentEvidence,
  WeightEvidence,
} from '@dinomix/core';
import { countLabels } from '@dinomix/volume';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { contextFor, type StepMoment } from '../contexts.js';
import { extendContext } from '../graph/environment.js';
import { guardedAsync } from '../guard.js';
import { classWeights } from '../names.js';
import type { StepParts } from '../parts.js';

/** What weighing needs besides the batch. */
export interface WeighMaterial {
  readonly parts: StepParts;
  readonly hooks: HookCallers<Tensor>;
  readonly facts: DatasetFacts;
  readonly previous: Readonly<Record<string, StudentEvidence>> | null;
  readonly pseudoVoxels: (studentId: string) => Promise<readonly number[] | null>;
}

function multiply(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.map((value, index) => value * b[index]!);
}

function assertWeights(weights: readonly number[] | undefined, classCount: number): void {
  if (weights === undefined) return;
  if (weights.length === classCount && weights.every((value) => Number.isFinite(value) && value >= 0)) return;
  throw new Error(`its weights are [${weights}]; expected ${classCount} finite numbers, none below 0`);
}

/** Class weights of a step by student id: those of all weighters multiplied. Empty where nothing weighs. */
export async function weighClasses(
  batch: Batch,
  material: WeighMaterial,
  moment: StepMoment,
): Promise<StudentClassWeights> {
  const { parts, hooks, facts, previous, pseudoVoxels } = material;
  if (parts.weighters.length === 0 && !hooks.weightsUpdate.isUsed()) return {};
  const labelledVoxels = [...countLabels(batch.labelled.label, parts.classCount)];
  const evidence: WeightEvidence = { dataset: facts, labelledVoxels, previous, pseudoVoxels };
  const ids = parts.students.map(({ id }) => id);
  const neutral = new Array<number>(parts.classCount).fill(1);
  const weights: Record<string, readonly number[]> =
    parts.weighters.length === 0 ? {} : Object.fromEntries(ids.map((id) => [id, neutral]));
  for (const { id: weighterId, plugin, value: weighter } of parts.weighters) {
    const key = `weighter:${weighterId}`;
    await guardedAsync({ key, plugin }, 'weigh the classes', moment.position, async () => {
      const given = await weighter.update(evidence, ids, contextFor(key, moment));
      for (const id of ids) {
        assertWeights(given[id], parts.classCount);
        if (given[id] !== undefined) weights[id] = multiply(weights[id]!, given[id]);
      }
    });
  }
  if (!hooks.weightsUpdate.isUsed()) return weights;
  return hooks.weightsUpdate.call(weights, extendContext(contextFor('hook', moment), { evidence }));
}

/** Class weights as inputs of the graph. */
export function weightInputs(weights: StudentClassWeights): NamedTensors<Tensor> {
  const entries = Object.entries(weights).map(([id, values]) => [classWeights(id), tensor([...values])] as const);
  return Object.fromEntries(entries);
}
