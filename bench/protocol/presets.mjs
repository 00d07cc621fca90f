import { join } from 'node:path';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { tfjsNode } from '@dinomix/backend-tfjs-node';
import { synapse } from '@dinomix/dataset-synapse';
import { overlap } from '@dinomix/metric-overlap';
import { cps } from '@dinomix/preset-cps';
import { dhc } from '@dinomix/preset-dhc';
import { dinomix } from '@dinomix/preset-dinomix';
import { meanTeacher } from '@dinomix/preset-mean-teacher';
import { supervised } from '@dinomix/preset-supervised';
import { uamt } from '@dinomix/preset-uamt';
import { SIZES } from './sizes.mjs';

/** Every preset as shipped; `students` are the networks that another size changes. */
export const PRESETS = {
  supervised: { preset: () => supervised(), students: ['vnet'] },
  'mean-teacher': { preset: () => meanTeacher(), students: ['vnet'] },
  cps: { preset: () => cps(), students: ['a', 'b'] },
  dhc: { preset: () => dhc(), students: ['a', 'b'] },
  uamt: { preset: () => uamt(), students: ['vnet'] },
  dinomix: { preset: () => dinomix(), students: ['vnet'], tokens: true },
  'dinomix-mixed': { preset: () => dinomix({ distil: 'mixed' }), students: ['vnet'], tokens: true },
};

/** Devices of the group, and the engine and the device of the config behind each. */
export const DEVICES = {
  cpu: { device: 'cpu', backend: onnxruntime },
  webgpu: { device: 'webgpu', backend: onnxruntime },
  cuda: { device: 'cuda', backend: onnxruntime },
  'tfjs-node-gpu': { device: 'cuda', backend: tfjsNode },
};

/** Options that are not those of the preset: size, the teacher's tokens, what a comparison switches off. */
function optionsOf({ preset, size, data, compared }) {
  const { network: sized, vit } = SIZES[size];
  const { students, tokens } = PRESETS[preset];
  const network = { ...sized, ...(compared ? { dropout: 0 } : {}) };
  const changed = Object.keys(network).length > 0;
  return {
    ...(changed ? Object.fromEntries(students.map((id) => [`student:${id}`, network])) : {}),
    ...(tokens ? { 'teacher:dinov3': { control: vit, cache: { directory: join(data, 'tokens') } } } : {}),
    // Donors out of the batch, which both sides have.
    ...(tokens && compared ? { 'mixer:pic': { donors: 'batch' } } : {}),
  };
}

/**
 * The config of a training.
 * @param task - `preset`, `size`, `device`; `data`: folder of the phantoms; `compared`: without what the other side cannot
 *   draw alike (dropout, donors from other volumes); `train`: settings laid over.
 * @param plugins - further ones.
 */
export function configOf(task, plugins = []) {
  const { preset, size, device, data, train = {} } = task;
  const { recipe, patch } = SIZES[size];
  const { device: name, backend } = DEVICES[device];
  const dataset = synapse({ root: data, split: 'split.json', recipe, cache: join(data, 'prepared') });
  return {
    name: preset,
    extends: [PRESETS[preset].preset()],
    plugins: [backend(), dataset, overlap({ measures: ['dice'] }), ...plugins],
    options: optionsOf(task),
    device: name,
    train: { patch, ...train },
  };
}
