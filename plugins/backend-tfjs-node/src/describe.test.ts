import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type FakePackage, fakeInstallation } from '../test/fake-package.js';
import { describeTfjsNode } from './describe.js';

let remove: (() => void) | undefined;

afterEach(() => {
  remove?.();
  remove = undefined;
});

async function described(packages: readonly FakePackage[]) {
  const installation = fakeInstallation(packages);
  remove = installation.remove;
  const [cpu, gpu] = await describeTfjsNode(installation.folder);
  return { folder: installation.folder, cpu: cpu!, gpu: gpu! };
}

test('nothing installed: both notes say how to get the package, the one of the GPU also which CUDA', async () => {
  const { cpu, gpu } = await described([]);
  expect(cpu).toMatchObject({ name: '@tensorflow/tfjs-node', device: 'cpu', installed: undefined, works: false });
  expect(cpu.note).toContain('npm install @tensorflow/tfjs-node@4.22.0');
  expect(cpu.note).toContain('build-tfjs-node.sh <folder>');
  expect(cpu.note).not.toContain('CUDA');
  expect(gpu).toMatchObject({ name: '@tensorflow/tfjs-node-gpu', device: 'cuda', installed: undefined, works: false });
  expect(gpu.note).toContain('build-tfjs-node.sh <folder> --gpu');
  expect(gpu.note).toContain('CUDA 11.2 and cuDNN 8.1');
});

test('installed with --ignore-scripts: names the file that is missing', async () => {
  const { folder, cpu, gpu } = await described([
    { name: '@tensorflow/tfjs-node', addon: false, library: false },
    { name: '@tensorflow/tfjs-node-gpu', library: false },
  ]);
  expect(cpu.works).toBe(false);
  expect(cpu.installed?.version).toBe('4.22.0');
  const addon = join(folder, 'node_modules', '@tensorflow', 'tfjs-node', 'lib', 'napi-v8', 'tfjs_binding.node');
  expect(cpu.note).toContain(addon);
  expect(cpu.note).toContain('npm rebuild @tensorflow/tfjs-node ');
  expect(gpu.note).toContain(
    `libtensorflow is missing at ${join(folder, 'node_modules', '@tensorflow', 'tfjs-node-gpu')}`,
  );
});

test('an addon that does not load: gives the reason of the loader and spares this process', async () => {
  const { cpu } = await described([{ name: '@tensorflow/tfjs-node' }]);
  expect(cpu).toMatchObject({ works: false, probe: { loads: false } });
  expect(cpu.note).toMatch(/does not load: Error: .*tfjs_binding\.node/);
});
