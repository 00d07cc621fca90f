import { dirname, join } from 'node:path';
import { teacherError } from '../errors.js';
import { weightPaths, writeModel } from '../onnx/file.js';
import type { Precision } from '../onnx/graph.js';
import { isFile, isFolder } from '../path-kind.js';
import { buildVit } from '../vit/build.js';
import { readConfig } from './config.js';
import { INDEX, openTensors } from './shards.js';
import { storedVit } from './weights.js';

/** What to convert, and into what. */
export interface ConvertRequest {
  /** A .safetensors file, the .index.json of several, or the folder with either. */
  readonly weights: string;
  /** config.json; left out, the one beside the weights is taken where there is one. */
  readonly config?: string;
  /** The ONNX file to write. */
  readonly out: string;
  /** How matrices are stored, default float32; the arithmetic is float32. */
  readonly precision?: Precision;
  /** Blocks, counted from 0, whose tokens become outputs `block.<number>` beside those of the last. */
  readonly outputBlocks?: readonly number[];
  /** Whether files that exist are replaced. */
  readonly overwrite?: boolean;
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface Converted {
  /** The ONNX file, and the one with its weights where they do not fit inside. */
  readonly files: readonly string[];
  readonly bytes: number;
  readonly channels: number;
  readonly blocks: number;
  readonly heads: number;
  readonly gated: boolean;
  readonly patch: number;
  readonly registers: number;
  readonly outputs: readonly string[];
}

async function inFolder(folder: string): Promise<string> {
  const whole = join(folder, 'model.safetensors');
  const index = join(folder, INDEX);
  return !(await isFile(whole)) && (await isFile(index)) ? index : whole;
}

async function locate({ weights, config }: ConvertRequest): Promise<{ weights: string; config: string | null }> {
  const file = (await isFolder(weights)) ? await inFolder(weights) : weights;
  if (config !== undefined) return { weights: file, config };
  const beside = join(dirname(file), 'config.json');
  return { weights: file, config: (await isFile(beside)) ? beside : null };
}

async function checkTarget({ out, overwrite }: ConvertRequest): Promise<void> {
  if (overwrite === true) return;
  for (const path of [out, ...weightPaths(out)]) {
    if (!(await isFile(path))) continue;
    throw teacherError('DMX_DINOV3_OPTIONS', {
      summary: `${path} exists already`,
      why: 'It is not written over.',
      fix: 'Name another file, or ask for it to be replaced (--force).',
    });
  }
}

function checkBlocks(outputBlocks: readonly number[], blocks: number): void {
  const wrong = outputBlocks.find((block) => !Number.isInteger(block) || block < 0 || block >= blocks);
  if (wrong === undefined) return;
  throw teacherError('DMX_DINOV3_OPTIONS', {
    summary: `There is no block ${wrong}`,
    why: `The model has ${blocks} blocks, counted from 0.`,
    fix: `Name blocks from 0 to ${blocks - 1}.`,
  });
}

/**
 * Converts DINOv3 weights (safetensors with the keys of transformers, timm or Meta) into an ONNX file that the teacher
 * `dinov3` loads. One tensor at a time is in memory, and the file is there whole or not at all.
 * @throws DmxError `DMX_DINOV3_*` naming file, value and cure; VolumeError `DMX_SAFETENSORS_*`, `DMX_FILE_*`.
 */
export async function convertWeights(request: ConvertRequest): Promise<Converted> {
  const { precision = 'float32', outputBlocks = [], signal } = request;
  await checkTarget(request);
  const paths = await locate(request);
  const config = paths.config === null ? null : await readConfig(paths.config);
  const file = await openTensors(paths.weights);
  try {
    const { architecture, weights } = storedVit(file, paths.weights, config);
    checkBlocks(outputBlocks, architecture.blocks);
    const model = buildVit(architecture, weights, { name: 'dinov3-vit', precision, outputBlocks });
    const stoppable = {
      ...model,
      weights: model.weights.map((weight) => ({
        ...weight,
        read: () => {
          signal?.throwIfAborted();
          return weight.read();
        },
      })),
    };
    const { channels, blocks, heads, gated, patch, registers } = architecture;
    const outputs = model.graph.output.map(({ name }) => name);
    return { ...(await writeModel(stoppable, request.out)), channels, blocks, heads, gated, patch, registers, outputs };
  } finally {
    await file.close();
  }
}
