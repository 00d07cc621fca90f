import { createVolume } from '@dinomix/volume';
import { expect, it } from 'vitest';
import type { NetworkFacts } from './network-facts.js';
import type { OpenedNetwork } from './open-network.js';
import { type PredictRequest, predictFile } from './predict-file.js';

const INFERENCE = { stride: null, overlap: 0.5, blending: 'uniform', batch: 1, mirror: [] } as const;
const FACTS = {
  title: 'a',
  origin: 'b',
  classes: ['background', 'liver'].map((name, index) => ({ index, name, colour: [0, 0, 0] as const, tail: false })),
  preprocessing: { orientation: 'keep', grid: { kind: 'keep' }, normalisation: { steps: [], display: [0, 1] } },
  axes: null,
  reading: null,
  spacing: [
    [1, 1, 1],
    [1, 1, 1],
  ],
  extent: [
    [4, 4, 4],
    [4, 4, 4],
  ],
  patch: [4, 4, 4],
  padValue: 0,
  inference: INFERENCE,
} as NetworkFacts;

const opened = (run: () => Promise<never>): OpenedNetwork => ({
  file: '/networks/a.onnx',
  digest: '0',
  facts: FACTS,
  batch: null,
  network: { output: 'logits', run },
  dispose: async () => undefined,
});

const VOLUME = createVolume({ data: Float32Array.from({ length: 64 }, (_, index) => index), shape: [4, 4, 4] });

const request = {
  mark: 'm',
  pair: { input: { path: '/images/a.nii', kind: 'nifti' }, output: '/labels/a.nii', format: 'nifti' },
  inference: INFERENCE,
  signal: new AbortController().signal,
  onWindows: () => undefined,
  onNote: () => undefined,
  readScan: async () => ({
    volume: VOLUME,
    inspection: { grid: VOLUME, datatype: 'float32' },
    notes: [],
    write: async () => undefined,
  }),
} as unknown as PredictRequest;

it('what the engine says of shapes that do not fit one another names the network file', async () => {
  const said =
    'Non-zero status code returned while running Conv node. Name:"c" Status Message: Input channels C is not equal';
  const failing = opened(() => Promise.reject(new Error(said)));
  await expect(predictFile(failing, request)).rejects.toMatchObject({
    code: 'DMX_NETWORK_FILE',
    summary: '/networks/a.onnx is not a network that can predict',
    why: expect.stringContaining('Input channels C is not equal'),
  });
});

it('a failure of our own stays what it is', async () => {
  const failing = opened(() => Promise.reject(new TypeError('x is not a function')));
  await expect(predictFile(failing, request)).rejects.toThrow(new TypeError('x is not a function'));
});
