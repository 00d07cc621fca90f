import type { Index3, WindowLook } from '@dinomix/core';
import { expect, it } from 'vitest';
import { useEngine } from '../../test/engine-harness.js';
import { createStudent } from '../../test/student-network.js';
import type { OnnxRuntimeBackend } from '../backend.js';
import { exportStudent } from '../export/export-student.js';
import { foldAffines } from '../export/fold.js';
import { probeBlock } from '../session/probe.js';
import { compileNetwork } from './compile.js';
import { type WindowLayout, windowEnding } from './endings.js';
import { fuseActivations } from './fuse.js';
import { importGraph } from './import-graph.js';
import { readModelFile } from './model-file.js';
import { CompiledWindows } from './windows-compiled.js';

const WINDOW: Index3 = [8, 8, 8];
const SLAB: Index3 = [9, 11, 10];
const LOOKS: readonly WindowLook[] = [
  { origin: [0, 0, 0], mirrored: [false, false, false] },
  { origin: [1, 2, 1], mirrored: [true, false, true] },
  { origin: [-2, 5, 2], mirrored: [false, true, false] },
];

/** The sums of a few windows, added in pieces of at most so many bytes, and the number of pieces. */
function sumsOf({ settings }: OnnxRuntimeBackend, bytes: Uint8Array, weighted: boolean, pieceBytes: number) {
  let layout: WindowLayout | undefined;
  const ending = windowEnding(
    weighted,
    (found) => {
      layout = found;
    },
    pieceBytes,
  );
  const trace = fuseActivations(foldAffines(importGraph(readModelFile(bytes), WINDOW)!));
  const network = compileNetwork(trace, settings, ending);
  const importance = Float32Array.from({ length: 512 }, (_, voxel) => 0.1 + (voxel % 37) / 37);
  const request = { slab: SLAB, window: WINDOW, ...(weighted ? { importance } : {}) };
  const windows = new CompiledWindows(request, layout!, new Float32Array((9 * 11 * 10 + 1) * layout!.lanes));
  for (const [index, look] of LOOKS.entries()) {
    const image = Float32Array.from({ length: 512 }, (_, at) => Math.sin((at + 512 * index) * 12.9898));
    windows.add(network, image, 1, look);
  }
  network.dispose();
  // Without the voxel behind the last, which takes what falls outside in no fixed order.
  return { sums: windows.sums.slice(), results: layout!.results };
}

it.skipIf(probeBlock() === 0).each([
  [5, false],
  [20, true],
  [40, false],
] as const)('%i classes, weighted %s: a window added in pieces gives the same bits', async (classes, weighted) => {
  const engine = await useEngine();
  const student = createStudent({ filters: 16, classes, convolutions: [1, 1], norm: 'batch', slope: 0, skip: 'add' });
  const request = { ...student, inputChannels: 1, classCount: classes, patch: WINDOW, metadata: {} };
  const bytes = await exportStudent(engine, request);
  const whole = sumsOf(engine, bytes, weighted, 2 ** 27);
  expect(whole.results).toBe(1);
  expect(whole.sums.some((value) => value > 1 / classes)).toBe(true);
  const plane = 8 * 8 * 16 * Math.ceil(classes / 16) * 4;
  for (const [pieceBytes, results] of [
    [1, 8],
    [3 * plane, 3],
  ] as const) {
    const pieces = sumsOf(engine, bytes, weighted, pieceBytes);
    expect(pieces.results).toBe(results);
    expect(new Uint32Array(pieces.sums.buffer)).toEqual(new Uint32Array(whole.sums.buffer));
  }
});
