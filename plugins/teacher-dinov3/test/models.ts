import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { encodeWholeModel } from '../src/onnx/file.js';
import { OnnxGraph } from '../src/onnx/graph.js';

const folder = await mkdtemp(join(tmpdir(), 'dinomix-dinov3-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A path in a folder that goes when the tests end. */
export function temporary(name: string): string {
  return join(folder, name);
}

/** Writes a file into a folder that goes when the tests end, and returns its path. */
export async function writeTemporary(name: string, content: Uint8Array | string): Promise<string> {
  const path = temporary(name);
  await writeFile(path, content);
  return path;
}

/** A model whose token for a patch is the mean of its red, green and blue. */
export interface PatchMean {
  readonly patch?: number;
  /** Zero tokens before those of the patches. */
  readonly prefix?: number;
  readonly outputName?: string;
  /** `tokens` [b, t, 3] or `map` [b, 3, h, w]. */
  readonly layout?: 'tokens' | 'map';
  /** Sides of the declared input; free where left out. */
  readonly input?: readonly (number | string)[];
}

/** Bytes of such a model. */
export function patchMeanModel(given: PatchMean = {}): Promise<Uint8Array> {
  const { patch = 16, prefix = 5, outputName = 'last_hidden_state', layout = 'tokens' } = given;
  const { input = ['batch', 3, 'height', 'width'] } = given;
  const graph = new OnnxGraph();
  const area = patch * patch;
  const filter = new Float32Array(9 * area);
  for (const channel of [0, 1, 2]) filter.fill(1 / area, 4 * channel * area, (4 * channel + 1) * area);
  const weight = graph.floats('filter', filter, [3, 3, patch, patch]);
  const map = graph.node('Conv', ['pixel_values', weight], { kernel_shape: [patch, patch], strides: [patch, patch] });
  if (layout === 'map') {
    graph.alias(map, outputName);
    return encodeWholeModel(
      graph.finish('patch-mean', { pixel_values: input }, { [outputName]: ['batch', 3, 'h', 'w'] }),
    );
  }
  const flat = graph.node('Reshape', [map, graph.int64([0, 0, -1])]);
  const patches = graph.node('Transpose', [flat], { perm: [0, 2, 1] });
  const padded = graph.node('Pad', [patches, graph.int64([0, prefix, 0, 0, 0, 0])]);
  graph.alias(padded, outputName);
  return encodeWholeModel(
    graph.finish('patch-mean', { pixel_values: input }, { [outputName]: ['batch', 'tokens', 3] }),
  );
}
