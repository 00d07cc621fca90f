import type { Index3, StudentRequest } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { evaluateConstants } from '../export/constants.js';
import { traceStudent } from '../export/trace.js';
import { createOnnxRuntimeError, isEngineError } from '../session/errors.js';
import { writesInPlace } from '../session/in-place.js';
import { BlockedNetwork } from './blocked-network.js';
import type { InferenceNetwork } from './checked-network.js';
import { importGraph } from './import-graph.js';
import { type ModelFile, readModelFile } from './model-file.js';
import { PlainFile } from './plain-file.js';

function lowersInBlocks({ settings: { target } }: OnnxRuntimeBackend): boolean {
  return target.provider === 'cpu' && target.block > 0 && writesInPlace();
}

/**
 * Gives a file to the first who asks, and reads it again for others where it can be: its weights are as large as what is
 * made of them.
 */
function reader(file: ModelFile, again: (() => Promise<Uint8Array>) | undefined): () => Promise<ModelFile> {
  const { digest } = file;
  let held: ModelFile | undefined = file;
  return async () => {
    if (held && !again) return held;
    const own = held ?? readModelFile(await again!());
    held = undefined;
    if (own.digest === digest) return own;
    throw createOnnxRuntimeError(
      'DMX_ENGINE_NETWORK',
      'the network file was replaced by another one since it was opened',
      'Start again with the new file.',
    );
  };
}

/**
 * Loads an ONNX network from `[batch, channels, depth, height, width]` float32 to logits of the same form. Files of
 * `exportStudent` are compiled for each image size with channel-blocked convolutions; others run as they are.
 * @param again - gives the same bytes once more: they are then not kept between the sizes that the network is compiled for.
 * @throws `DMX_ENGINE_NETWORK` saying what was expected and found when the bytes are not such a network.
 */
export async function loadNetwork(
  backend: OnnxRuntimeBackend,
  bytes: Uint8Array,
  again?: () => Promise<Uint8Array>,
): Promise<InferenceNetwork> {
  const file = readModelFile(bytes);
  const { target, session } = backend.settings;
  const smallest = file.multiple.map((side, axis) => file.inputSides[axis + 2] ?? side) as unknown as Index3;
  if (!file.own || !lowersInBlocks(backend) || !importGraph(file, smallest)) return new PlainFile(file, session);
  const { metadata, inputSides, channels, classes, multiple } = file;
  const form = { metadata, inputSides, channels, classes, multiple };
  return new BlockedNetwork(form, tracer(reader(file, again)), { target, session });
}

/** A function of its own: beside others it would keep alive what they see. */
function tracer(read: () => Promise<ModelFile>) {
  return async (size: Index3) => importGraph(await read(), size)!;
}

/**
 * A student with the weights that it has now, compiled for each image size with channel-blocked convolutions.
 * @returns null where this device has none, or the network cannot be recorded without an image.
 */
export async function openStudent(
  backend: OnnxRuntimeBackend,
  { model, weights, inputChannels, classCount }: StudentRequest<Tensor>,
): Promise<InferenceNetwork | null> {
  if (!lowersInBlocks(backend)) return null;
  const { settings } = backend;
  const traceAt = (size: Index3) => {
    const trace = traceStudent(backend, model, weights, [1, ...size, inputChannels]);
    evaluateConstants(trace, settings);
    return trace;
  };
  const { multiple } = model;
  try {
    traceAt(multiple);
  } catch (cause) {
    if (isEngineError(cause, 'DMX_ENGINE_EXPORT')) return null;
    throw cause;
  }
  const inputSides = [undefined, inputChannels, undefined, undefined, undefined];
  const form = { metadata: {}, inputSides, channels: inputChannels, classes: classCount, multiple };
  return new BlockedNetwork(form, traceAt, settings);
}
