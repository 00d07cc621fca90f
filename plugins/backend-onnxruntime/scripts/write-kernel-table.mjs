// Writes the table of supported kernels into README.md, between its markers. Needs the build (npx tsc -b).
import { readFileSync, writeFileSync } from 'node:fs';
import { kernelTable } from '../dist/kernels/coverage.js';

const readme = new URL('../README.md', import.meta.url);
const text = readFileSync(readme, 'utf8');
const [before, rest] = text.split('<!-- kernels -->\n');
const after = rest?.split('<!-- /kernels -->')[1];
if (after === undefined) throw new Error('README.md lacks the markers <!-- kernels --> and <!-- /kernels -->');
writeFileSync(readme, `${before}<!-- kernels -->\n${kernelTable()}\n<!-- /kernels -->${after}`);
