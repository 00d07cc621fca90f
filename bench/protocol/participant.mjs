/** Our side of the group `protocol` as a process of its own; requests as in lib/participant.mjs. */
import { processStatusMb } from '../lib/machine.mjs';
import { serve } from '../lib/serve.mjs';
import { timeSteps } from '../lib/steps.mjs';
import { startTraining } from './training.mjs';
import { startValidation } from './validate.mjs';

let current;

await serve({
  async init({ row, ...request }) {
    const baseMb = processStatusMb('VmHWM');
    const start = performance.now();
    current = await (row === 'p1-validate' ? startValidation : startTraining)(request);
    const firstStepMs = performance.now() - start;
    const second = performance.now();
    await current.step();
    const versions = { node: process.versions.node };
    return { value: current.value, firstStepMs, secondStepMs: performance.now() - second, baseMb, versions };
  },
  step: (request) => timeSteps(request, () => current.step()),
});
