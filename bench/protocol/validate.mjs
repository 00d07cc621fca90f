import { createHost } from '@dinomix/core';
import { builtIns, openBackend, openTrained, slidingWindow, WholeLabels } from '@dinomix/trainer';
import { readSafetensors } from '../lib/safetensors.mjs';
import { configOf } from './presets.mjs';
import { SIZES } from './sizes.mjs';

/** Sums the highest probability of every voxel. */
function createHighest(classes) {
  let [total, voxels] = [0, 0];
  const take = (scores) => {
    const probabilities = scores.probabilities();
    for (let at = 0; at < probabilities.length; at += classes) {
      let highest = probabilities[at];
      for (let index = 1; index < classes; index++) highest = Math.max(highest, probabilities[at + index]);
      total += highest;
    }
    voxels += probabilities.length / classes;
  };
  return { overhang: 0, take, mean: () => total / voxels };
}

/** One case to labels the way of a validation in training that has one case: the network of a run, opened with its present weights. */
export async function startValidation({ task, run: directory, first }) {
  const { volume, patch } = SIZES[task.size];
  const host = await createHost({ config: configOf(task), base: builtIns });
  const run = host.createRun({ id: 'bench', directory });
  const { network, dataset } = await openTrained(run, await openBackend(host), 'latest');
  const { stride, overlap, blending, batch, mirror } = run.config.inference;
  const options = {
    ...{ patch, stride, overlap, blending, batch, mirror },
    ...{ classCount: dataset.classes.length, padValue: dataset.sampling.padValue },
  };
  const image = readSafetensors(first).get('volume').data;
  const once = async (look) => {
    const highest = createHighest(options.classCount);
    const receivers = [new WholeLabels(volume), ...(look ? [highest] : [])];
    const opened = await network.open();
    await slidingWindow({ shape: volume, image }, opened.network, options, receivers);
    await opened.close();
    return look ? highest.mean() : undefined;
  };
  return { value: await once(true), step: () => once(false) };
}
