/**
 * What the token cache takes for one volume of 80x160x160 voxels, and from that for the 216 training volumes of AMOS:
 * node bench/teacher/cache-volume.mjs [--workers n] [--volumes n]. Networks of the size of ViT-S and ViT-B with random weights.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dinov3 } from '@dinomix/teacher-dinov3';
import { describeMachine, load } from '../lib/machine.mjs';
import { formatTable } from '../lib/table.mjs';
import { resolveTeacher } from './online-teacher.mjs';

const SHAPE = [80, 160, 160];
const AMOS = 216;
const MODELS = {
  'ViT-S/16': { channels: 384, blocks: 12, heads: 6, seed: 0 },
  'ViT-B/16': { channels: 768, blocks: 12, heads: 12, seed: 0 },
};
const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: String(availableParallelism()) },
    volumes: { type: 'string', default: '4' },
  },
});
const workers = Number(values.workers);
const cases = Array.from({ length: Number(values.volumes) }, (_, index) => `case-${index}`);

/** Noise in shared memory, another for each case. */
function volumeOf(caseId) {
  const image = new Float32Array(new SharedArrayBuffer(4 * SHAPE[0] * SHAPE[1] * SHAPE[2]));
  let state = 1 + cases.indexOf(caseId);
  for (let index = 0; index < image.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    image[index] = state / 2 ** 32;
  }
  return { shape: SHAPE, image };
}

async function measure(name, control) {
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  try {
    const teacher = await resolveTeacher(dinov3({ control, cache: {} }), folder);
    const cacheDirectory = join(folder, 'tokens');
    const fill = await teacher.openCacheFill({
      splits: { labelled: cases, unlabelled: [] },
      normalisation: { steps: [], display: [0, 1] },
      patch: [64, 128, 128],
      cacheDirectory,
      volume: async (caseId) => volumeOf(caseId),
      workers,
      signal: new AbortController().signal,
    });
    const started = performance.now();
    await Promise.all(cases.map((caseId) => fill.fill(caseId)));
    const seconds = (performance.now() - started) / 1000 / cases.length;
    await fill.dispose();
    const files = readdirSync(cacheDirectory).map((file) => statSync(join(cacheDirectory, file)).size);
    const bytes = files.reduce((sum, size) => sum + size, 0) / files.length;
    const planned = fill.plan.secondsPerVolume.toFixed(2);
    const [all, disk] = [((AMOS * seconds) / 60).toFixed(1), ((AMOS * bytes) / 1e9).toFixed(2)];
    return [name, planned, seconds.toFixed(2), (bytes / 1e6).toFixed(2), all, disk];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const before = load();
const rows = [];
for (const [name, control] of Object.entries(MODELS)) rows.push(await measure(name, control));
const { cpu, cores } = describeMachine();
console.log(
  `${cases.length} volumes of ${SHAPE.join('x')}, ${workers} workers; ${cpu ?? ''} ${cores ?? ''}; load ${before} to ${load()}\n`,
);
console.log(formatTable(['teacher', 's planned', 's measured', 'MB', `min for ${AMOS}`, 'GB'], rows));
