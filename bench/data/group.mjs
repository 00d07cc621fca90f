import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDataPython, findScanPython, KEEP_MEMORY } from '../peers/python.mjs';
import { CLASSES, createLabelPair, SHAPE } from './label-pair.mjs';
import { manyScans, scanFiles, scanFolder } from './volumes.mjs';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Both sides read the same two label maps from files. */
function surfaceMetrics(folder) {
  const files = {};
  for (const [name, labels] of Object.entries(createLabelPair())) {
    files[name] = join(folder, `${name}.u8`);
    writeFileSync(files[name], labels);
  }
  const task = { ...files, shape: SHAPE, classes: CLASSES };
  const row = { name: 'surface-metrics', steps: 20, block: 2, valueTolerance: 1e-9 };
  return { ...row, ours: task, peer: { ...task, variant: 'best' } };
}

const CASES = 20;
const BATCHES = 50;
/** As many as Synapse has. */
const VOLUMES = 30;

/**
 * What happens to scans before training. `prepare-p1` has both sides on one core; in `prepare-2-workers` the peer is our own
 * preparation with one worker: at most 1 / 1.7 of its time is wanted.
 */
function scanRows(folder, scans, scanPython, ours) {
  const args = [path('../peers/data_peer.py')];
  const torch = { name: 'PyTorch', command: scanPython, args, env: KEEP_MEMORY };
  const pinned = ({ command, args: rest, ...side }) => ({
    ...side,
    command: 'taskset',
    args: ['-c', '0', command, ...rest],
  });
  const cache = (name) => join(folder, name);
  const one = [scanFiles(scans, 1)];
  // As users run it: what is kept of freed memory would differ between one thread and two.
  const plain = { ...ours, env: {} };
  const many = manyScans(scans, folder, VOLUMES);
  return [
    {
      name: 'prepare-p1',
      steps: 12,
      block: 2,
      valueTolerance: 1e-3,
      ours: { files: one, cache: cache('ours'), workers: 0 },
      peer: { files: one, cache: cache('peer') },
      sides: { ours: pinned(ours), peer: pinned(torch) },
    },
    {
      name: 'prepare-2-workers',
      steps: 4,
      valueTolerance: 1e-9,
      ours: { files: many, cache: cache('two'), workers: 2 },
      peer: { files: many, cache: cache('one'), workers: 1 },
      sides: { ours: plain, peer: { ...plain, name: 'ours, one worker' } },
    },
    {
      name: 'loader',
      // A step is many batches, so that those prepared while the other side ran do not count.
      steps: 6,
      valueTolerance: 1e-9,
      ours: { cases: CASES, workers: 2, batches: BATCHES },
      peer: { cases: CASES, workers: 2, batches: BATCHES, folder },
      sides: { ours, peer: torch },
    },
  ];
}

/** The group `data`: what happens before and after the network, beside Python with NumPy and scipy. */
export async function createGroup({ note }) {
  const { python, source } = findDataPython(note);
  const scanPython = findScanPython(note).python;
  const scans = await scanFolder(note);
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  const ours = { name: 'ours', command: process.execPath, args: [path('participant.mjs')], env: KEEP_MEMORY };
  const peer = { name: 'Python', command: python, args: [path('../peers/data_peer.py')], env: {} };
  return {
    rows: [surfaceMetrics(folder), ...scanRows(folder, scans, scanPython, ours)],
    sides: {
      ours,
      peer,
      // The functions of MedPy as the published scripts call them.
      peerDefault: peer,
    },
    peer: `NumPy, scipy, nibabel and PyTorch (${source})`,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
