import { createInterface } from 'node:readline';
import { formatWithOptions } from 'node:util';

/** The child's side of `Participant`: answers each request with `handlers[cmd]`. Console output goes to stderr. */
export async function serve(handlers) {
  console.log = (...args) => process.stderr.write(`${formatWithOptions({}, ...args)}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.cmd === 'exit') break;
    let reply;
    try {
      reply = await handlers[request.cmd](request);
    } catch (error) {
      console.error(error);
      reply = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}
