import type { Index3 } from '@dinomix/core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { writesInPlace } from '../session/in-place.js';
import { CompiledFile } from './compiled-file.js';
import { importGraph } from './import-graph.js';
import type { InferenceNetwork } from './loaded-file.js';
import { readModelFile } from './model-file.js';
import { PlainFile } from './plain-file.js';

/**
 * Loads an ONNX network from `[batch, channels, depth, height, width]` float32 to logits of the same form. Files of
 * `exportStudent` are compiled for each image size with channel-blocked convolutions; others run as they are.
 * @throws `DMX_ENGINE_NETWORK` saying what was expected and found when the bytes are not such a network.
 */
export async function loadNetwork(backend: OnnxRuntimeBackend, bytes: Uint8Array): Promise<InferenceNetwork> {
  const file = readModelFile(bytes);
  const { target, session } = backend.settings;
  const blocked = file.own && target.provider === 'cpu' && target.block > 0 && writesInPlace();
  const smallest = file.multiple.map((side, axis) => file.inputSides[axis + 2] ?? side) as unknown as Index3;
  return blocked && importGraph(file, smallest)
    ? new CompiledFile(file, { target, session })
    : new PlainFile(file, session);
}
