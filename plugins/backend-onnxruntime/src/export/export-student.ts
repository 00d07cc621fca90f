import { createRequire } from 'node:module';
import type { ExportRequest, Index3 } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { evaluateConstants } from './constants.js';
import { withDigest } from './digest.js';
import { foldAffines } from './fold.js';
import { type NetworkFacts, writeMetadata } from './metadata.js';
import type { PortableModel } from './portable-model.js';
import { traceStudent } from './trace.js';
import { pointwiseTranslations } from './translate-pointwise.js';
import { shapeTranslations } from './translate-shape.js';
import { spatialTranslations } from './translate-spatial.js';
import { channelFirst, Translator } from './translator.js';

const translations = { ...spatialTranslations, ...pointwiseTranslations, ...shapeTranslations };

export const INPUT_NAME = 'image';
export const OUTPUT_NAME = 'logits';

const DOCUMENTATION =
  'Input: float32 [batch, channels, depth, height, width], normalised as the metadata says. ' +
  'Output: float32 [batch, classes, depth, height, width], the logits of each voxel before softmax; class 0 is the background.';

interface Recorded {
  readonly model: PortableModel;
  readonly result: string;
}

/** Which sides of the input the written graph leaves free. */
type Freedom = 'batch and size' | 'batch' | 'none';

/**
 * Bytes of a standard ONNX file (default domain, channel-first) of the network's inference graph. Normalisations with
 * known statistics are folded into the convolutions before them. Batch and spatial sides stay free when the graph
 * recorded at two sizes is the same. The last entry of the metadata is the digest of the file, without which it is not loaded again.
 * @throws `DMX_ENGINE_EXPORT` naming an operation without translation and the line that recorded it.
 */
export async function exportStudent(backend: OnnxRuntimeBackend, request: ExportRequest<Tensor>): Promise<Uint8Array> {
  const { patch, inputChannels, classCount } = request;
  const { multiple } = request.model;
  const facts: NetworkFacts = { patch, multiple, inputChannels, classCount };
  const metadata = writeMetadata(facts, request.metadata);
  const recorded = record(backend, request, 1, patch);
  const freedom = freedomOf(backend, request, recorded.model);
  const version = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;
  const bytes = recorded.model.build(recorded.result, {
    input: { name: INPUT_NAME, sides: sidesOf(inputChannels, patch, freedom) },
    output: { name: OUTPUT_NAME, sides: sidesOf(classCount, patch, freedom) },
    documentation: DOCUMENTATION,
    producerVersion: version,
    metadata,
  });
  return withDigest(bytes);
}

function record(backend: OnnxRuntimeBackend, request: ExportRequest<Tensor>, batch: number, size: Index3): Recorded {
  const shape = [batch, ...size, request.inputChannels];
  const trace = traceStudent(backend, request.model, request.weights, shape);
  const expected = [batch, ...size, request.classCount];
  if (trace.logits.shape.join() !== expected.join()) {
    throw new Error(`the network gives logits [${trace.logits.shape}] for an input [${shape}], not [${expected}]`);
  }
  evaluateConstants(trace, backend.settings);
  const folded = foldAffines(trace);
  const translator = new Translator(folded, INPUT_NAME);
  translator.run(translations);
  return { model: translator.model, result: translator.as(folded.logits, channelFirst(5)) };
}

/** Records the network at another batch and size; the same graph then serves any. */
function freedomOf(backend: OnnxRuntimeBackend, request: ExportRequest<Tensor>, model: PortableModel): Freedom {
  const { patch, model: student } = request;
  const larger = patch.map((side, axis) => side + (axis + 1) * student.multiple[axis]!) as unknown as Index3;
  if (serves(backend, request, model, larger)) return 'batch and size';
  return serves(backend, request, model, patch) ? 'batch' : 'none';
}

function serves(
  backend: OnnxRuntimeBackend,
  request: ExportRequest<Tensor>,
  model: PortableModel,
  size: Index3,
): boolean {
  let other: Recorded;
  try {
    other = record(backend, request, 2, size);
  } catch {
    // A network that refuses another size is written for its own.
    return false;
  }
  return other.model.equals(model);
}

function sidesOf(channels: number, patch: Index3, freedom: Freedom): (number | string)[] {
  const size = freedom === 'batch and size' ? ['depth', 'height', 'width'] : patch;
  return [freedom === 'none' ? 1 : 'batch', channels, ...size];
}
