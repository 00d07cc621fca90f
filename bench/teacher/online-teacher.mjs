import { dirname, join } from 'node:path';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { createHost } from '@dinomix/core';
import { phantom } from '@dinomix/dataset-phantom';
import { diceCe } from '@dinomix/loss-dice-ce';
import { fkd } from '@dinomix/loss-fkd';
import { vnet } from '@dinomix/student-vnet';
import { convertWeights, dinov3 } from '@dinomix/teacher-dinov3';
import { builtIns } from '@dinomix/trainer';
import { writeSafetensors } from '@dinomix/volume';
import { readSafetensors } from '../lib/safetensors.mjs';

/** The teacher as a run would get it. */
export async function resolveTeacher(teacher, folder) {
  const plugins = [onnxruntime(), phantom(), vnet(), diceCe(), fkd(), teacher];
  const host = await createHost({ config: { plugins, use: { loss: { 'dice-ce': 1, fkd: 1 } } }, base: builtIns });
  const [bound] = await host.createRun({ id: 'bench', directory: join(folder, 'online') }).resolve('teacher');
  return bound.value;
}

/** Tokens of one crop [64, 128, 128]: 8 slices of 256 x 256 through ViT-S/16, rendering included. */
export async function createOnlineTeacher({ weights, threads }) {
  const tensors = readSafetensors(weights);
  const { shape, data: crop } = tensors.get('crop');
  tensors.delete('crop');
  const own = join(dirname(weights), 'weights-alone.safetensors');
  await writeSafetensors(own, new Map([...tensors].map(([name, tensor]) => [name, { dtype: 'F32', ...tensor }])));
  const model = join(dirname(weights), 'vits16.onnx');
  await convertWeights({ weights: own, out: model, overwrite: true });
  const teacher = await resolveTeacher(dinov3({ model, threads }), dirname(weights));
  await teacher.open({ normalisation: { steps: [], display: [0, 1] }, patch: shape });
  const part = { image: { shape: [1, ...shape, 1] }, data: crop, crops: [] };
  const ctx = { signal: new AbortController().signal, tensor: (values) => values };
  return {
    step: async () => {
      const { labelled } = await teacher.predict({ labelled: part }, ctx);
      return labelled.tokens.reduce((sum, value) => sum + Math.abs(value), 0) / labelled.tokens.length;
    },
  };
}
