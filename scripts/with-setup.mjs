// `npm run X` on a fresh clone: set up once, then run the workspace script `task:X` with the same arguments.
import { pnpm } from './pnpm.mjs';
import { setup } from './setup.mjs';

const [task, ...rest] = process.argv.slice(2);
setup();
// Ctrl-C goes to the task as well, which ends in its own way; this one waits for it.
process.on('SIGINT', () => undefined);
process.exit(pnpm(['--silent', 'run', `task:${task}`, ...rest]));
