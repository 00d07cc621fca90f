import { onnxruntime } from '@dinomix/backend-onnxruntime';
import type { Index3, NamedTensors } from '@dinomix/core';
import { vnet } from '@dinomix/student-vnet';
import { createOps, createPass, type RunningBackend } from '@dinomix/trainer';
import { createRng } from '@dinomix/volume';
import { argMax, type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import { encodeFacts, type NetworkFacts } from '../src/predict/network-facts.js';
import { openSlots } from './open-slots.js';
import { ANY_IMAGES } from './trained-images.js';

/** Window of the network below, voxels. */
export const SHAPE: Index3 = [8, 16, 24];

/** What the network below says beside its graph. */
export const FACTS: NetworkFacts = {
  title: 'test',
  origin: 'random weights',
  classes: ['background', 'spleen', 'left kidney'].map((name, index) => {
    return { index, name, colour: [index, 0, 0], tail: false };
  }),
  preprocessing: { orientation: 'RAS', grid: { kind: 'keep' }, normalisation: { steps: [], display: [-1, 1] } },
  ...ANY_IMAGES,
  patch: SHAPE,
  padValue: 0,
  inference: { stride: null, overlap: 0.5, blending: 'gaussian', batch: 1, mirror: [] },
};

/** Reproducible intensities `[d, h, w]`. */
export function randomImage([depth, height, width]: Index3): Float32Array {
  const rng = createRng({ seed: 3, stream: 'image' });
  return Float32Array.from({ length: depth * height * width }, () => rng.uniform(-1, 1));
}

/** A V-Net with random weights in a session of the engine. */
export interface RandomNetwork {
  readonly session: RunningBackend;
  /** Its file. */
  readonly bytes: Uint8Array;
  /** Its labels of `randomImage(SHAPE)` by a plain pass. */
  readonly labels: readonly number[];
  dispose(): Promise<void>;
}

/** @param filters - of the first level; whole blocks of 16 let the engine write into the sums of a volume by itself. */
export async function randomNetwork(filters: number): Promise<RandomNetwork> {
  const rng = createRng({ seed: 3, stream: 'weights' });
  const { backend, student, host } = await openSlots(onnxruntime(), vnet({ filters, levels: 3 }));
  const session = await backend.setup({ device: 'cpu', threads: 1 });
  const classCount = FACTS.classes.length;
  const model = student.build({ id: 'net', ops: createOps(session.ops), inputChannels: 1, classCount, patch: SHAPE });
  const weights: NamedTensors<Tensor> = Object.fromEntries(
    model.parameters.map(({ name, shape }) => {
      const count = shape.reduce((product, side) => product * side, 1);
      // He's range for filters [.., in, out], so that every class wins somewhere.
      const range = shape.length > 1 ? Math.sqrt((6 * shape.at(-1)!) / count) : 0.3;
      const centre = /variance|gamma|scale/.test(name) ? 1 : 0;
      const values = Float32Array.from({ length: count }, () => centre + rng.uniform(-range, range));
      return [name, tensor(values, [...shape])];
    }),
  );
  const pass = createPass('random', false, zeros([4]));
  const { logits } = model.forward(tensor(randomImage(SHAPE), [1, ...SHAPE, 1]), weights, pass);
  const labels = [...(await argMax(logits, 4).data())];
  const metadata = encodeFacts(FACTS);
  const bytes = await session.exportStudent!({ model, weights, inputChannels: 1, classCount, patch: SHAPE, metadata });
  return {
    session,
    bytes,
    labels,
    dispose: async () => {
      await session.dispose();
      await host.dispose();
    },
  };
}
