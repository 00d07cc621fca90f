import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FakePackage, fakeInstallation } from '../test/fake-package.js';

// A package that registers, under the name and with the kernels of tfjs-node, the CPU backend of TensorFlow.js.
class FakeNodeBackend extends MathBackendCPU {
  readonly binding = { TF_Version: '2.9.1' };
  readonly isGPUPackage: boolean;
  readonly isUsingGpuDevice: boolean;

  constructor(packageName: string, gpu: boolean) {
    super();
    this.isGPUPackage = packageName === '@tensorflow/tfjs-node-gpu';
    this.isUsingGpuDevice = gpu;
  }
}

const MAIN = `
  globalThis.dinomixFakeTfjsNode(require('./package.json').name);
  module.exports = { Tensor: class { answer() { return 42 + this.size; } } };`;
const LACKING = 'SearchSorted';

const fake = globalThis as { dinomixFakeTfjsNode?: (name: string) => void };
const cleanUp: (() => void)[] = [];
let gpuPresent = false;

beforeEach(async () => {
  vi.resetModules();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  gpuPresent = false;
  await tf.setBackend('cpu');
  fake.dinomixFakeTfjsNode = (name) => {
    for (const kernel of tf.getKernelsForBackend('cpu')) {
      if (kernel.kernelName !== LACKING) tf.registerKernel({ ...kernel, backendName: 'tensorflow' });
    }
    tf.registerBackend('tensorflow', () => new FakeNodeBackend(name, gpuPresent), 3);
  };
});

afterEach(() => {
  for (const { kernelName } of tf.getKernelsForBackend('tensorflow')) tf.unregisterKernel(kernelName, 'tensorflow');
  if (tf.findBackendFactory('tensorflow') !== null) tf.removeBackend('tensorflow');
  if (tf.getGradient(tf.Conv3DBackpropInputV2) !== undefined) tf.unregisterGradient(tf.Conv3DBackpropInputV2);
  vi.restoreAllMocks();
  for (const remove of cleanUp.splice(0)) remove();
});

function installed(...packages: FakePackage[]): string {
  const { folder, remove } = fakeInstallation(packages);
  cleanUp.push(remove);
  return folder;
}

async function load(device: 'cpu' | 'cuda' | 'auto', folder: string) {
  const { loadTfjsNode } = await import('./load.js');
  return loadTfjsNode(tf, { device, folder });
}

const CPU = { name: '@tensorflow/tfjs-node', main: MAIN } as const;
const GPU = { name: '@tensorflow/tfjs-node-gpu', main: MAIN } as const;

test('cpu loads tfjs-node, quietly, and fills in what it lacks', async () => {
  const loaded = await load('cpu', installed(CPU, GPU));
  expect(loaded).toMatchObject({ name: '@tensorflow/tfjs-node', version: '4.22.0', tensorflow: '2.9.1', gpu: false });
  expect(loaded.fallbackKernels).toEqual([LACKING]);
  expect(tf.getGradient(tf.Conv3DBackpropInputV2)).toBeDefined();
  const tensor = tf.tensor1d([1, 2]) as tf.Tensor1D & { answer(): number };
  expect(tensor.answer()).toBe(44);
  expect([...tensor.dataSync()]).toEqual([1, 2]);
  expect(console.warn).not.toHaveBeenCalled();
  expect(tf.env().getBool('PROD')).toBe(false);
});

test('cuda loads tfjs-node-gpu', async () => {
  gpuPresent = true;
  expect(await load('cuda', installed(CPU, GPU))).toMatchObject({ name: '@tensorflow/tfjs-node-gpu', gpu: true });
});

test('a missing package: the error names it, the folder and the ways to get it', async () => {
  const folder = installed(CPU);
  await expect(load('cuda', folder)).rejects.toThrow(
    `@tensorflow/tfjs-node-gpu is not installed in ${folder}. To get it: npm install`,
  );
});

test('a package without its addon is refused before it is loaded', async () => {
  const folder = installed({ ...CPU, addon: false });
  await expect(load('cpu', folder)).rejects.toThrow(
    /4\.22\.0 is incomplete: the addon is missing at .*tfjs_binding\.node/,
  );
  expect(tf.findBackendFactory('tensorflow')).toBeNull();
});

test('another version than tfjs-core is refused before it is loaded', async () => {
  const folder = installed({ ...CPU, version: '4.20.0' });
  await expect(load('cpu', folder)).rejects.toThrow('4.20.0 does not fit @tensorflow/tfjs-core 4.22.0');
  expect(tf.findBackendFactory('tensorflow')).toBeNull();
});

test('cuda without a GPU is refused with what doctor says of the package', async () => {
  await expect(load('cuda', installed(GPU))).rejects.toThrow(
    /Device "cuda" was asked for\. @tensorflow\/tfjs-node-gpu 4\.22\.0 in .* does not load: /,
  );
});

test('the second package is refused in a process that has the first', async () => {
  const folder = installed(CPU, GPU);
  await load('cpu', folder);
  await expect(load('cuda', folder)).rejects.toThrow('already loaded @tensorflow/tfjs-node,');
  expect(await load('cpu', folder)).toMatchObject({ name: '@tensorflow/tfjs-node' });
});

test('a failing package: the error keeps package, place and cause', async () => {
  const folder = installed({ ...CPU, main: "throw new Error('libtensorflow.so.2: no such file');" });
  await expect(load('cpu', folder)).rejects.toThrow(/4\.22\.0 in .* does not load: libtensorflow\.so\.2: no such file/);
  expect(tf.env().getBool('PROD')).toBe(false);
});
