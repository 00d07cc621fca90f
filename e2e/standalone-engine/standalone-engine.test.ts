import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createUserFolder, fencedBlock, type UserFolder } from '../support/packed.js';

const PACKAGE = '@dinomix/backend-onnxruntime';
let user: UserFolder;

beforeAll(async () => {
  user = await createUserFolder(['plugins/backend-onnxruntime']);
}, 120_000);

afterAll(() => user.remove());

it('the program in the README of the engine runs as written after the npm install written there', async () => {
  const tarball = user.tarballs.get(PACKAGE)!;
  const readme = await user.shell(`tar -xzOf ${tarball} package/README.md`);
  const install = fencedBlock(readme, 'sh');
  expect(install).toMatch(/^npm install .*@dinomix\/backend-onnxruntime\n$/);
  await user.shell(install.replace(PACKAGE, tarball));
  // The history is all that is added, to see that it learned.
  const program = fencedBlock(readme, 'js').replace('await model.fit', 'const { history } = await model.fit');
  const lines = [program, `console.log(JSON.stringify({ losses: history.loss, backend: tf.getBackend() }));`];
  // A home of its own and none of what hides the recording of ONNX Runtime, which takes a moment.
  lines.push('await new Promise((resolve) => setTimeout(resolve, 2000));');
  await writeFile(join(user.folder, 'program.mjs'), lines.join('\n'));
  const plain = 'env -u CI -u ORT_DISABLE_TELEMETRY -u XDG_CACHE_HOME HOME="$PWD/home" node program.mjs';
  const result = JSON.parse((await user.shell(plain)).trim().split('\n').at(-1)!);
  expect(existsSync(join(user.folder, 'home', '.cache', 'Microsoft'))).toBe(false);
  expect(result.backend).toBe('onnxruntime');
  expect(result.losses).toHaveLength(5);
  expect(result.losses[4]).toBeLessThan(result.losses[0]);
  const installed = JSON.parse(await readFile(join(user.folder, 'package-lock.json'), 'utf8')).packages;
  const copies = Object.keys(installed).filter((path) => path.endsWith('node_modules/@tensorflow/tfjs-core'));
  expect(copies).toEqual(['node_modules/@tensorflow/tfjs-core']);
});
