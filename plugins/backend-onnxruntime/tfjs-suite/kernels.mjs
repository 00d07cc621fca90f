// Lists the kernels that the CPU backend registers, one a line: what a complete backend would have to offer.
//
//   node tfjs-suite/kernels.mjs [--against onnxruntime]
//
// --against  marks each kernel that the named backend registers too with '+', the others with '-', and counts them
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { importBackend } from './backends.mjs';

const { values: options } = parseArgs({ options: { against: { type: 'string' } } });
const namesOf = (backend) => tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName);

const complete = namesOf('cpu').sort();
if (options.against === undefined) {
  console.log(complete.join('\n'));
} else {
  await importBackend(options.against);
  const registered = new Set(namesOf(options.against));
  console.log(complete.map((name) => `${registered.has(name) ? '+' : '-'} ${name}`).join('\n'));
  const own = [...registered].filter((name) => !complete.includes(name)).sort();
  console.log(`${complete.filter((name) => registered.has(name)).length} of ${complete.length} registered`);
  if (own.length > 0) console.log(`and of its own: ${own.join(', ')}`);
}
