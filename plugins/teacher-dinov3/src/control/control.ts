import { createRng } from '@dinomix/volume';
import { encodeWholeModel } from '../onnx/file.js';
import { RELEASED, type VitArchitecture } from '../vit/architecture.js';
import { buildVit, type VitWeights } from '../vit/build.js';

/** Size of a network in DINOv3's architecture. */
export interface ControlSize {
  readonly channels: number;
  readonly blocks: number;
  readonly heads: number;
  /** Seed of the random weights. */
  readonly seed: number;
}

/** The weights at the start of training in most vision transformers, but for LayerScale, which would shut the blocks off. */
function initialValue(name: string): number | null {
  if (/lambda1$|norm\d?\.weight$/.test(name)) return 1;
  return name.endsWith('.bias') ? 0 : null;
}

function randomWeights(seed: number): VitWeights {
  const random = (name: string, length: number, deviation: number): Float32Array => {
    const data = new Float32Array(length);
    createRng({ seed, stream: `teacher-dinov3/control/${name}` }).fillNormal(data, 0, deviation);
    return data;
  };
  return {
    has: (name) => !name.endsWith('k_proj.bias'),
    values: async (name, shape) => {
      const length = shape.reduce((product, side) => product * side, 1);
      const constant = initialValue(name);
      if (constant !== null) return new Float32Array(length).fill(constant);
      const deviation = name.endsWith('_token') || name.endsWith('_tokens') ? 0.02 : Math.sqrt(shape[0]! / length);
      return random(name, length, deviation);
    },
    matrix: async (name, from, to) => random(name, from * to, 1 / Math.sqrt(from)),
  };
}

/** The architecture of a control network. */
export function controlArchitecture({ channels, blocks, heads }: Omit<ControlSize, 'seed'>): VitArchitecture {
  const bias = { query: true, key: false, value: true, output: true, mlp: true };
  return { ...RELEASED, channels, blocks, heads, hidden: 4 * channels, gated: false, bias };
}

/**
 * An ONNX file in the architecture of DINOv3 ViT/16 with random weights: the control that knows nothing.
 *
 * @remarks Weights are N(0, 1 / fan in), so that attention and MLP act at any width; CLS and registers are N(0, 0.02²),
 * biases 0, LayerScale 1. Each parameter has a random stream of its own.
 */
export function buildControl(size: ControlSize): Promise<Uint8Array> {
  const { seed } = size;
  const architecture = controlArchitecture(size);
  const options = { name: 'dinov3-architecture-random-weights', precision: 'float32', outputBlocks: [] } as const;
  return encodeWholeModel(buildVit(architecture, randomWeights(seed), options));
}
