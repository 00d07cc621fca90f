import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manyScans, scanFolder } from '../data/volumes.mjs';
import { smallScanFolder } from './cases.mjs';

/** Scans of `data prepare`: as many as Synapse has, and four times as many. */
const SCANS = { few: 30, many: 120 };

/** Our side twice, with few and with many cases; each block of steps is a process of its own. */
function grown(name, ours, { many, few, work, steps, fewSteps = 1 }) {
  const sides = { ours: { ...ours, name: `many (${work} x)` }, peer: { ...ours, name: 'few' } };
  return { name, steps, block: 1, inTurns: true, work, peerRepeats: fewSteps, ours: many, peer: few, sides };
}

/** The group `scale`: whether time grows as the number of cases does, and memory not at all. */
export async function createGroup({ note }) {
  const ours = {
    name: 'ours',
    command: process.execPath,
    args: [fileURLToPath(new URL('participant.mjs', import.meta.url))],
    env: {},
  };
  const scans = await smallScanFolder(note);
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  const fullScans = await scanFolder(note);
  const preparing = (count) => {
    const own = join(folder, String(count));
    mkdirSync(own);
    return { work: 'prepare', files: manyScans(fullScans, own, count), cache: join(own, 'prepared'), workers: 2 };
  };
  const checking = (cases) => ({ work: 'check', scans, cases });
  const training = (cases, caseMemoryMb) => ({ work: 'training', folder, scans, cases, train: { caseMemoryMb } });
  const epochs = (name, caseMemoryMb) => {
    const [many, few] = [training(360, caseMemoryMb), training(20, caseMemoryMb)];
    return grown(name, ours, { many, few, work: 18, steps: 2, fewSteps: 8 });
  };
  const [many, few] = [preparing(SCANS.many), preparing(SCANS.few)];
  return {
    rows: [
      grown('prepare-120', ours, { many, few, work: SCANS.many / SCANS.few, steps: 2 }),
      grown('check-360', ours, { many: checking(360), few: checking(90), work: 4, steps: 2, fewSteps: 2 }),
      epochs('epoch-360'),
      epochs('epoch-360-kept', 8000),
      epochs('epoch-360-read', 0),
    ],
    sides: { ours, peer: ours },
    peer: 'ourselves with fewer cases',
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
