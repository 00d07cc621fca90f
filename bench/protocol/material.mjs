/**
 * What the other side needs to do our work: node material.mjs WORK TASK FOLDER OUT, TASK as JSON. Writes a safetensors file OUT.
 * WORK `step`: the initial weights, the crops, the tokens and the plan of the mix of our first step; prints its value.
 * WORK `network`: the initial weights and the validation case; leaves a run in FOLDER that can be exported.
 */
import { join } from 'node:path';
import { writeSafetensors } from '@dinomix/volume';
import { benchPlugin } from '../lib/gate.mjs';
import { createInitialRun, validationVolume } from './initial-run.mjs';
import { startTraining } from './training.mjs';

/** Notes what a step is made from. */
function createRecorder() {
  const seen = { tensors: new Map(), plan: null };
  const keep = (name, dtype, shape, data) => seen.tensors.set(name, { dtype, shape: [...shape], data: data.slice() });
  const plugin = benchPlugin('recorder', (api) => {
    api.hooks.batchReady.tap(({ labelled, unlabelled }) => {
      keep('labelled/image', 'F32', labelled.shape, labelled.image);
      keep('labelled/label', 'U8', labelled.shape, labelled.label);
      if (unlabelled !== null) keep('unlabelled/image', 'F32', unlabelled.shape, unlabelled.image);
    });
    api.hooks.teacherPredicted.tap(async (outputs) => {
      for (const [part, { tokens }] of Object.entries(outputs.dinov3 ?? {})) {
        if (tokens !== undefined) keep(`${part}/tokens`, 'F32', tokens.shape, await tokens.data());
      }
    });
    api.hooks.mixerPlan.tap((plan) => {
      seen.plan = plan;
    });
  });
  return { plugin, seen };
}

const [work, taskText, folder, out] = process.argv.slice(2);
const task = JSON.parse(taskText);
if (work === 'network') {
  const weights = await createInitialRun(task, folder);
  await writeSafetensors(out, new Map([...weights, ['volume', await validationVolume(task)]]), {});
} else {
  const compared = { ...task, compared: true };
  const weights = await createInitialRun(compared, join(folder, 'weights'));
  const recorder = createRecorder();
  const { value } = await startTraining({ task: compared, folder, plugins: [recorder.plugin] });
  const { tensors, plan } = recorder.seen;
  await writeSafetensors(out, new Map([...weights, ...tensors]), { plan: JSON.stringify(plan) });
  console.log(JSON.stringify({ value }));
}
process.exit(0);
