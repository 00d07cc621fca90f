#!/usr/bin/env node
// In the repository before anything is built, so that an install can link the command.
import { nodeProblem } from './node-version.mjs';

const problem = nodeProblem(process.versions.node);
if (problem === null) await import('../dist/bin.js');
else {
  process.stderr.write(problem);
  process.exitCode = 2;
}
