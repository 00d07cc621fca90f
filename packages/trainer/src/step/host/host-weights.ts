import type { Batch, NamedTensors } from '@dinomix/core';
import { countLabels } from '@dinomix/volume';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { contextFor, type StepMoment } from '../contexts.js';
import { guardedAsync } from '../guard.js';
import { hostClassWeights } from '../names.js';
import { type StepParts, weighs } from '../parts.js';

function multiply(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.map((value, index) => value * b[index]!);
}

function assertWeights(weights: readonly number[], classCount: number): void {
  if (weights.length === classCount && weights.every((value) => Number.isFinite(value) && value >= 0)) return;
  throw new Error(`its weights are [${weights}]; expected ${classCount} finite numbers, none below 0`);
}

/** Class weights `[k]` of weighters that work outside the graph, as inputs of it; those of several are multiplied. */
export async function hostWeights(batch: Batch, parts: StepParts, moment: StepMoment): Promise<NamedTensors<Tensor>> {
  const weights: Record<string, readonly number[]> = {};
  for (const weighter of parts.weighters) {
    const { host } = weighter.slot;
    if (host === undefined) continue;
    const ids = parts.students.map(({ id }) => id).filter((id) => weighs(weighter, id));
    const labelledVoxels = [...countLabels(batch.labelled.label, parts.classCount)];
    await guardedAsync(weighter, 'weigh the classes', moment.position, async () => {
      const given = await host.update(labelledVoxels, ids, contextFor(weighter.key, moment));
      for (const id of ids) {
        const own = given[id];
        if (own === undefined) continue;
        assertWeights(own, parts.classCount);
        weights[id] = weights[id] === undefined ? own : multiply(weights[id], own);
      }
    });
  }
  const inputs = Object.entries(weights).map(([id, values]) => [hostClassWeights(id), tensor([...values])] as const);
  return Object.fromEntries(inputs);
}
