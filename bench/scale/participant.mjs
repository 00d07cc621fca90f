/** Our side of the scale benchmark as a process of its own; requests as in lib/participant.mjs. */
import { processStatusMb } from '../lib/machine.mjs';
import { serve } from '../lib/serve.mjs';
import { timeSteps } from '../lib/steps.mjs';

const WORK = {
  prepare: () => import('../data/prepare.mjs'),
  check: () => import('./check.mjs'),
  training: () => import('./training.mjs'),
};

let run;

await serve({
  async init({ work, ...request }) {
    const { create } = await WORK[work]();
    const baseMb = processStatusMb('VmHWM');
    const start = performance.now();
    run = await create(request);
    const value = await run();
    return { value, firstStepMs: performance.now() - start, baseMb, versions: { node: process.versions.node } };
  },
  step: (request) => timeSteps(request, run),
});
