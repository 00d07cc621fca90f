import type { Index3, TeacherOutline, TeacherOutlineContext } from '@dinomix/core';
import { controlArchitecture } from './control/control.js';
import { cellsOf, openDescriber, planSlices } from './describe.js';
import { readModelFile } from './model/model-file.js';
import type { Dinov3Options } from './options.js';
import { parametersOf } from './vit/architecture.js';

/** What a model is, as far as memory goes. */
interface Sketch {
  readonly cells: Index3;
  readonly channels: number;
  /** Bytes of its weights in memory. */
  readonly weights: number;
}

/** The random network is not built: that takes longer than judging everything else. */
async function sketchControl(options: Dinov3Options, patch: Index3): Promise<Sketch> {
  const architecture = controlArchitecture(options.control);
  const { channels, registers, patch: side } = architecture;
  const plan = await planSlices(options, patch, null, async ([height, width]) => {
    return { rows: height / side, columns: width / side, prefix: 1 + registers, channels };
  });
  const counts = parametersOf(architecture).map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const bytes = 4 * counts.reduce((sum, count) => sum + count, 0);
  // The file that was made in memory, and ONNX Runtime's copy.
  return { cells: cellsOf(plan, options.axis), channels, weights: 2 * bytes };
}

async function sketchFile(
  model: string,
  options: Dinov3Options,
  { normalisation, patch }: TeacherOutlineContext,
): Promise<Sketch> {
  const { bytes } = await readModelFile(model, options.output);
  const describer = await openDescriber(options, normalisation, patch);
  try {
    return { cells: await describer.cells(patch), channels: describer.channels, weights: bytes };
  } finally {
    await describer.dispose();
  }
}

/** Width of a head of every released model. */
const HEAD = 64;

/**
 * Bytes of the work on one call: of each picture about twelve arrays of the width of its tokens, the MLP and the queries, keys
 * and values among them, and two attention maps for each head.
 */
function workBytes({ cells, channels }: Sketch, { slicesPerCall, axis }: Dinov3Options): number {
  const across = { axial: 0, coronal: 1, sagittal: 2 }[axis];
  const tokens = cells.reduce((product, side, index) => (index === across ? product : product * side), 1);
  const heads = Math.ceil(channels / HEAD);
  return slicesPerCall * tokens * 4 * (12 * channels + 2 * heads * tokens);
}

/** Bytes of the layers in memory: those of all volumes, float32, up to the bound of the options. */
function cacheBytes(
  { cells, channels }: Sketch,
  { cache, looksAt }: Dinov3Options,
  ctx: TeacherOutlineContext,
): number {
  if (cache === false) return 0;
  const bound = cache.memoryMb * 1e6;
  if (ctx.volume === null) return bound;
  const { volume, patch, splits } = ctx;
  const perVolume = cells.reduce(
    (product, side, axis) => product * Math.ceil((side * volume[axis]!) / patch[axis]!),
    4,
  );
  const cases = looksAt.reduce((count, part) => count + splits[part].length, 0);
  return Math.min(bound, cases * perVolume * channels);
}

/** What the teacher will be in a run, told without opening it. */
export async function outlineDinov3(options: Dinov3Options, ctx: TeacherOutlineContext): Promise<TeacherOutline> {
  const { model } = options;
  const sketch = model === null ? await sketchControl(options, ctx.patch) : await sketchFile(model, options, ctx);
  return {
    tokens: [...sketch.cells, sketch.channels],
    bytes: sketch.weights + workBytes(sketch, options) + cacheBytes(sketch, options, ctx),
  };
}
