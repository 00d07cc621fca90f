import type { Run } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import { guarded } from '../step/guard.js';
import type { StudentPart } from '../step/parts.js';
import type { Ops } from '../types.js';

/** Images have one channel. */
export const INPUT_CHANNELS = 1;

/**
 * Builds the networks of a run: plain descriptions, for which nothing is allocated.
 * @throws DMX_PATCH_MULTIPLE when the crop does not fit a network; DMX_PLUGIN_FAILED.
 */
export async function buildNetworks(run: Run<Tensor>, ops: Ops, classCount: number): Promise<readonly StudentPart[]> {
  const { patch } = run.config.train;
  return (await run.resolve('student')).map(({ id, plugin, value }) => {
    const worker = { key: `student:${id}`, plugin };
    const model = guarded(worker, 'build its network', null, () =>
      value.build({ id, ops, inputChannels: INPUT_CHANNELS, classCount, patch }),
    );
    if (patch.some((side, axis) => side % model.multiple[axis]! !== 0)) {
      throw trainerError('DMX_PATCH_MULTIPLE', { key: worker.key, patch, multiple: model.multiple });
    }
    return { ...worker, id, model, specs: model.parameters };
  });
}
