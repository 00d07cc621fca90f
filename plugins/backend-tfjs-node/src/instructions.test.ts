import { expect, test } from 'vitest';
import { howToFindGpu, howToGetCuda } from './instructions.js';
import { missingLibraries } from './probe.js';

// The first line is what libtensorflow 2.21.0 prints on a machine without a driver; the others have the form of 2.9.
const LOG = `
I0000 00:00:1795440671.783621   18208 dso_loader.cc:144] Could not load dynamic library 'libcuda.so.1'; dlerror: libcuda.so.1: cannot open shared object file: No such file or directory
2022-06-01 12:00:00.000000: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; dlerror: libcudart.so.11.0: cannot open shared object file
2022-06-01 12:00:00.000001: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcuda.so.1'; dlerror: again
`;

test('the log of libtensorflow names each missing library once', () => {
  expect(missingLibraries(LOG)).toEqual(['libcuda.so.1', 'libcudart.so.11.0']);
  expect(missingLibraries('oneDNN custom operations are on.')).toEqual([]);
});

test('a GPU that is not found: names the libraries, where the driver is one of them, and the CUDA of this libtensorflow', () => {
  const advice = howToFindGpu('2.18.0', ['libcuda.so.1', 'libcudnn.so.9']);
  expect(advice).toContain('libtensorflow 2.18.0 finds no GPU and cannot open libcuda.so.1, libcudnn.so.9');
  expect(advice).toContain('libcuda.so.1 is part of the driver');
  expect(advice).toContain('CUDA 12.5 and cuDNN 9.3');
  expect(howToFindGpu('2.18.0', [])).not.toContain('cannot open');
});

test('the bundled libtensorflow is said to predate Ada and Hopper', () => {
  expect(howToGetCuda(undefined)).toMatch(/CUDA 11\.2 and cuDNN 8\.1.*predates the Ada and Hopper/);
  expect(howToGetCuda('2.18.0')).not.toContain('Hopper');
});
