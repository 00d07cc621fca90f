import { definePlugin, type Network } from '@dinomix/core';
import { z } from 'zod';

/** Calls of the network by shape of the batch, in order. */
export const calls: number[][] = [];

/**
 * A network of two classes that calls every voxel above one half foreground, with `sided` only in the first half of each row;
 * the file is its metadata as JSON.
 */
function loadThreshold(bytes: Uint8Array): Network {
  const metadata = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, string>;
  return {
    metadata,
    inputSides: [null, null, null, null, 1],
    classCount: 2,
    run: async (x, shape) => {
      calls.push([...shape]);
      const data = new Float32Array(x.length * 2);
      const width = shape[3]!;
      x.forEach((value, index) => {
        const isBlind = metadata.sided === 'yes' && index % width >= width / 2;
        data[2 * index + 1] = metadata.broken === 'yes' ? Number.NaN : isBlind ? -20 : 20 * (value - 0.5);
      });
      return { data, shape: [...shape.slice(0, 4), 2] };
    },
    dispose: async () => undefined,
  };
}

/** A backend that can do nothing but load {@link loadThreshold}. */
export const threshold = definePlugin({
  name: '@dinomix/backend-onnxruntime',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['backend:onnxruntime'],
  options: z.strictObject({}),
  setup(api) {
    api.provide('backend', 'onnxruntime', () => ({
      setup: async () => ({
        name: 'threshold',
        device: 'cpu' as const,
        facts: { kernels: 1 },
        ops: {},
        usage: () => ({ tensors: 0, bytes: 0, fallbackKernels: {} }),
        loadNetwork: async (bytes: Uint8Array) => loadThreshold(bytes),
        dispose: async () => undefined,
      }),
      kernels: () => ({ native: ['Add'], fallback: ['FFT', 'IFFT'] }),
      probe: async () => [{ device: 'cpu' as const, works: true, note: 'counts voxels' }],
    }));
  },
});
