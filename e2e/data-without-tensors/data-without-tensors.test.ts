import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { COMMAND } from '../support/command.js';
import { createProject } from '../support/small-project.js';

/** Refuses to resolve anything of TensorFlow.js and ONNX Runtime. */
const LOADER = `export async function resolve(specifier, context, next) {
  if (/^(@tensorflow\\/|onnxruntime)/.test(specifier)) throw new Error('asked for ' + specifier);
  return next(specifier, context);
}`;
const asModule = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;
const REGISTER = asModule(`import { register } from 'node:module'; register(${JSON.stringify(asModule(LOADER))});`);

async function node(...args: readonly string[]) {
  const cwd = await createProject();
  return promisify(execFile)(process.execPath, ['--import', REGISTER, ...args], { cwd });
}

it.each([['check'], ['fingerprint']])('data %s loads no tensor library', async (command) => {
  const { stdout } = await node(COMMAND, 'data', command);
  expect(stdout).toMatch(/case|HU|mm/);
});

it('and whoever does is found out', async () => {
  await expect(node(COMMAND, 'train')).rejects.toThrow('asked for @tensorflow/tfjs-core');
});
