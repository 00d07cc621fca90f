/** Our side of the data benchmark as a process of its own; requests as in peers/data_peer.py. */
import { processStatusMb } from '../lib/machine.mjs';
import { serve } from '../lib/serve.mjs';
import { timeSteps } from '../lib/steps.mjs';

const ROWS = {
  'surface-metrics': () => import('./surface-metrics.mjs'),
  'prepare-p1': () => import('./prepare.mjs'),
  'prepare-2-workers': () => import('./prepare.mjs'),
  loader: () => import('./loader.mjs'),
};

let run;

await serve({
  async init({ row, ...request }) {
    const { create } = await ROWS[row]();
    const baseMb = processStatusMb('VmHWM');
    run = await create(request);
    const start = performance.now();
    const value = await run();
    return { value, firstStepMs: performance.now() - start, baseMb, versions: { node: process.versions.node } };
  },
  step: (request) => timeSteps(request, run),
});
