import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import type { Index3, NamedTensors } from '@dinomix/core';
import { vnet } from '@dinomix/student-vnet';
import { createOps } from '@dinomix/trainer';
import { createRng, createVolume, readNifti, writeNifti } from '@dinomix/volume';
import { argMax, type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { dinomix, projectOf, temporaryFolder } from '../../test/harness.js';
import { openSlots } from '../../test/open-slots.js';
import { encodeFacts, type NetworkFacts } from './network-facts.js';

const SHAPE: Index3 = [8, 16, 24];
const CLASSES = ['background', 'spleen', 'left kidney'];
const rng = createRng({ seed: 3, stream: 'test' });
const image = Float32Array.from({ length: 8 * 16 * 24 }, () => rng.uniform(-1, 1));

let bytes: Uint8Array;
let expected: number[];

const facts: NetworkFacts = {
  title: 'test',
  origin: 'random weights',
  classes: CLASSES.map((name, index) => ({ index, name, colour: [index, 0, 0], tail: false })),
  preprocessing: { orientation: 'RAS', grid: { kind: 'keep' }, normalisation: { steps: [], display: [-1, 1] } },
  patch: SHAPE,
  padValue: 0,
  inference: { stride: null, overlap: 0.5, blending: 'gaussian', batch: 1, mirror: [] },
};

/** A V-Net with random weights, its file, and its labels of the image by a plain pass. */
beforeAll(async () => {
  const { backend, student, host } = await openSlots(onnxruntime(), vnet({ filters: 2, levels: 3 }));
  const session = await backend.setup({ device: 'cpu', threads: 1 });
  const classCount = CLASSES.length;
  const model = student.build({ id: 'net', ops: createOps(session.ops), inputChannels: 1, classCount, patch: SHAPE });
  const weights: NamedTensors<Tensor> = Object.fromEntries(
    model.parameters.map(({ name, shape }) => {
      const count = shape.reduce((product, side) => product * side, 1);
      const low = /variance|gamma|scale/.test(name) ? 0.5 : -0.5;
      return [
        name,
        tensor(
          Float32Array.from({ length: count }, () => rng.uniform(low, 1)),
          [...shape],
        ),
      ];
    }),
  );
  const pass = { training: false, dropoutKey: () => zeros([4]), updateBuffer: () => undefined };
  const { logits } = model.forward(tensor(image, [1, ...SHAPE, 1]), weights, pass);
  expected = [...(await argMax(logits, 4).data())];
  const metadata = encodeFacts(facts);
  bytes = await session.exportStudent!({ model, weights, inputChannels: 1, classCount, patch: SHAPE, metadata });
  await session.dispose();
  await host.dispose();
});

const project = (folder: string) => {
  const load = async () => import('@dinomix/backend-onnxruntime');
  return projectOf(folder, { '@dinomix/backend-onnxruntime': { provides: ['backend:onnxruntime'], load } });
};

it('predicts with an exported network what the network itself says', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'net.onnx'), bytes);
  await writeNifti(join(folder, 'in.nii.gz'), createVolume({ data: image, shape: SHAPE }));
  const args = ['predict', 'in.nii.gz', '-n', 'net.onnx', '-o', 'out.nii.gz', '--threads', '1'];
  const { code, err } = await dinomix(args, { folder, packages: project(folder) });
  expect(code, err).toBe(0);
  const { volume, labelNames } = await readNifti(join(folder, 'out.nii.gz'));
  expect(new Set(expected).size).toBeGreaterThan(1);
  expect([...volume.data]).toEqual(expected);
  expect([...labelNames!.values()]).toEqual(CLASSES);
});

it('refuses a damaged and a foreign file', async () => {
  const folder = temporaryFolder();
  await writeNifti(join(folder, 'in.nii'), createVolume({ data: image, shape: SHAPE }));
  for (const content of [bytes.subarray(0, bytes.length / 2), readFileSync(join(folder, 'in.nii'))]) {
    writeFileSync(join(folder, 'net.onnx'), content);
    const { code, err } = await dinomix(['predict', 'in.nii', '-n', 'net.onnx'], { folder, packages: project(folder) });
    expect(code).toBe(1);
    expect(err).toContain('DMX_NETWORK_FILE');
    expect(err).toContain('expected an ONNX file');
  }
});

it('tells the doctor what the engine would do here', async () => {
  const folder = temporaryFolder();
  const { out } = await dinomix(['doctor', '--json'], { folder, packages: project(folder) });
  const [backend] = JSON.parse(out).backends;
  expect(backend.facts).toMatchObject({ package: 'onnxruntime-node', version: '1.30.0', device: 'cpu' });
  const devices = backend.devices.map(({ device }: { device: string }) => device);
  expect(devices.sort()).toEqual(['auto', 'cpu', 'cuda', 'webgpu']);
});
