// `npm run kills -- --kills 200 --seed 1`: the campaign of e2e/kills, as long as one likes.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) throw new Error(`--${name} ${value}: expected a whole number`);
}
const { status } = spawnSync('vitest', ['run', 'e2e/kills'], {
  stdio: 'inherit',
  env: { ...process.env, DINOMIX_KILLS: values.kills, DINOMIX_KILLS_SEED: values.seed },
});
process.exit(status ?? 1);
