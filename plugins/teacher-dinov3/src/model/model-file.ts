import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { openRegularFile, readRegularFile } from '@dinomix/volume';
import { type ModelProto, ModelProtoSchema, TensorProto_DataLocation, ValueInfoProtoSchema } from 'onnx-buf';

import { teacherError } from '../errors.js';
import { nodesOf, tensorsOf } from '../onnx/walk.js';
import { isFile, isFolder } from '../path-kind.js';

/** A model on the disk, looked through. */
export interface ModelFile {
  readonly path: string;
  /** sha256 (hexadecimal) over the model and the files with its weights. */
  readonly digest: string;
  /** Bytes of these files. */
  readonly bytes: number;
  /** The model with an inner tensor as output; null where the file serves as it is. */
  readonly edited: Uint8Array | null;
}

/** Where a folder in the layout of onnx-community, or one of our own, has the model with the most precision. */
const IN_FOLDER = ['model.onnx', 'onnx/model.onnx', 'onnx/model_fp16.onnx'] as const;

/** Files of weights without a graph. */
const NO_ONNX = /\.(?:safetensors|safetensors\.index\.json|pth?|bin|ckpt)$/;

/** Operators of quantised exports. */
const QUANTISED =
  /^(?:DynamicQuantize\w*|QuantizeLinear|DequantizeLinear|QLinear\w+|MatMulInteger\w*|ConvInteger|MatMulNBits|QAttention|QGemm)$/;

/** @throws DmxError `DMX_DINOV3_MODEL` when there is neither a file nor a folder with one model. */
async function locate(model: string): Promise<string> {
  const path = resolve(model);
  if (NO_ONNX.test(path)) {
    throw modelError(
      `"${path}" is no ONNX file`,
      'The option "model" takes a model with its graph, and this file has weights alone.',
      `Make one of .safetensors with "dinomix teacher convert ${model} -o model.onnx"; save the tensors of other files as .safetensors first.`,
    );
  }
  if (await isFile(path)) return path;
  if (!(await isFolder(path))) {
    throw modelError(
      `There is no file "${path}"`,
      'The option "model" names it, and DinoMix ships no weights.',
      'Give the path of an ONNX export, with its .onnx_data file beside it if it has one; "dinomix teacher fetch" downloads some, ' +
        '"dinomix teacher convert" makes one of .safetensors.',
    );
  }
  for (const name of IN_FOLDER) if (await isFile(join(path, name))) return join(path, name);
  const others = (await readdir(path)).filter((name) => name.endsWith('.onnx'));
  if (others.length === 1) return join(path, others[0]!);
  throw modelError(
    `The folder "${path}" does not say which model it holds`,
    `It has no ${IN_FOLDER.join(', ')}, and ${others.length} other .onnx files.`,
    'Give the path of the file (option "model"). Weights in .safetensors are converted with "dinomix teacher convert".',
  );
}

/** What is wrong with the file of the option `model`, why, and what to do. */
export function modelError(summary: string, why: string, fix: string, cause?: unknown): Error {
  return teacherError('DMX_DINOV3_MODEL', { summary, why, fix, cause });
}

/** A file that is no DINOv3-like model. */
export function unusable(path: string, expected: string, found: string, cause?: unknown): Error {
  return modelError(
    `"${path}" is not a DINOv3-like model`,
    `Expected ${expected}. Found: ${found.trim()}`,
    'Check that the download or copy is whole, and that it is the export of a vision model (option "model").',
    cause,
  );
}

async function parse(path: string, bytes: Uint8Array): Promise<ModelProto> {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unusable(path, 'an ONNX file that ONNX Runtime loads', reason, cause);
  }
}

/** Files beside the model that hold weights. @throws DmxError `DMX_DINOV3_MODEL` for a path that leaves the folder, or a missing file. */
async function weightFiles(path: string, model: ModelProto): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const { dataLocation, externalData } of tensorsOf(model)) {
    if (dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    const location = externalData.find(({ key }) => key === 'location')?.value ?? '';
    if (!/^[^/\\]+$/.test(location) || location === '..') {
      throw unusable(path, 'weights in files beside the model', `weights in "${location}"`);
    }
    names.add(location);
  }
  const files = [...names].sort().map((name) => join(dirname(path), name));
  for (const file of files) {
    if (await isFile(file)) continue;
    throw modelError(
      `"${path}" lacks its weights`,
      `It keeps them in "${file}", which is not there.`,
      'Copy it beside the model, under this name.',
    );
  }
  return files;
}

function refuseQuantised(path: string, model: ModelProto): void {
  const found = [...nodesOf(model)].find(({ opType }) => QUANTISED.test(opType));
  if (found === undefined) return;
  throw modelError(
    `"${path}" is a quantised export (it has ${found.opType})`,
    'As a teacher it is refused: scales that are taken from each batch make the features of a slice depend on its neighbours.',
    'Take the float32 or float16 export.',
  );
}

/** The model with one of its inner tensors as output. @throws DmxError `DMX_DINOV3_MODEL` when there is no such tensor. */
function withOutput(path: string, model: ModelProto, output: string): Uint8Array {
  const graph = model.graph!;
  if (!graph.node.some((node) => node.output.includes(output))) {
    const outputs = graph.output.map(({ name }) => name).join(', ');
    throw modelError(
      `"${path}" has no output and no inner tensor "${output}"`,
      `Its outputs are ${outputs}.`,
      'Name one of them, or an inner tensor, with the option "output"; a viewer such as Netron shows their names.',
    );
  }
  graph.output.push(create(ValueInfoProtoSchema, { name: output }));
  return toBinary(ModelProtoSchema, model);
}

/**
 * Finds a model and looks through it before ONNX Runtime gets it.
 * @param model - an ONNX file, or a folder with one.
 * @param output - an output, or an inner tensor that shall become one; null for the outputs as they are.
 * @throws DmxError `DMX_DINOV3_MODEL` for a missing or damaged file, a quantised export, weights that are missing or elsewhere, an unknown name.
 */
export async function readModelFile(model: string, output: string | null): Promise<ModelFile> {
  const path = await locate(model);
  const bytes = await readRegularFile(path);
  const parsed = await parse(path, bytes);
  refuseQuantised(path, parsed);
  const beside = await weightFiles(path, parsed);
  const hash = createHash('sha256').update(bytes);
  for (const file of beside) {
    const { file: handle } = await openRegularFile(file);
    await pipeline(handle.createReadStream(), hash, { end: false });
  }
  const digest = hash.digest('hex');
  const sizes = await Promise.all(beside.map(async (file) => (await stat(file)).size));
  const size = sizes.reduce((sum, one) => sum + one, bytes.length);
  const declared = output === null || parsed.graph?.output.some(({ name }) => name === output) === true;
  const edited = declared ? null : withOutput(path, parsed, output);
  return { path, digest, bytes: size, edited };
}
