// node test/write-control.mjs FILE: writes the random network of the tests, after `npx tsc -b`.
import { writeFileSync } from 'node:fs';
import { buildRandomVit } from '../dist/control/vit.js';

writeFileSync(process.argv[2], buildRandomVit({ channels: 24, blocks: 2, heads: 2, seed: 3 }));
