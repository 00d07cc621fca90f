/**
 * A command as a participant: each step runs it from the start of its process to the end; requests as in lib/participant.mjs.
 * The peak is the largest of all runs, that of a run the sum over its processes.
 */
import { runCommand } from '../lib/command.mjs';
import { serve } from '../lib/serve.mjs';

let command;
let peakMb = 0;

async function run() {
  const done = await runCommand(command);
  peakMb = Math.max(peakMb, done.peakMb ?? 0);
  if (done.outcome !== 'done') throw new Error(`${done.outcome}: ${done.reason}`);
  return done.ms;
}

await serve({
  async init(request) {
    command = request.command;
    return { firstStepMs: 0, baseMb: 0 };
  },
  async step({ n }) {
    const ms = [];
    for (let i = 0; i < n; i++) ms.push(await run());
    return { ms, peakMb };
  },
});
