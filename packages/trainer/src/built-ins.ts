import { definePreset } from '@dinomix/core';
import { adam, constant, poly, sgd } from './optimization/built-in.js';
import { local } from './run/local-executor.js';

/**
 * What the trainer brings along: plugins that a config may use without loading them. It is the `base` of every host that
 * trains, in the command as in a worker: another base would be another config hash.
 */
export const builtIns = definePreset('built-in', {
  plugins: [sgd(), adam(), poly(), constant(), local()],
  use: { optimizer: 'sgd', schedule: 'poly', executor: 'local' },
});
