/** Our side of the teacher benchmark as a process of its own; requests as in lib/participant.mjs. */
import { processStatusMb } from '../lib/machine.mjs';
import { serve } from '../lib/serve.mjs';
import { timeSteps } from '../lib/steps.mjs';
import { createOnlineTeacher } from './online-teacher.mjs';
import { startTraining } from './stepped-training.mjs';

let current;

await serve({
  async init({ row, ...request }) {
    const baseMb = processStatusMb('VmHWM');
    const start = performance.now();
    current = await (row === 'vits16-online' ? createOnlineTeacher : startTraining)(request);
    const value = await current.step();
    return { value, firstStepMs: performance.now() - start, baseMb, versions: { node: process.versions.node } };
  },
  step: (request) => timeSteps(request, () => current.step()),
});
