/** Our side of the teacher benchmark as a process of its own; requests as in lib/participant.mjs. */
import { processStatusMb } from '../lib/machine.mjs';
import { serve } from '../lib/serve.mjs';
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
  async step({ n }) {
    const ms = [];
    let value;
    for (let i = 0; i < n; i++) {
      const start = performance.now();
      value = await current.step();
      ms.push(performance.now() - start);
    }
    return { ms, value, peakMb: processStatusMb('VmHWM'), rssMb: processStatusMb('VmRSS') };
  },
});
