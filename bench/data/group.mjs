import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDataPython } from '../peers/python.mjs';
import { CLASSES, createLabelPair, SHAPE } from './label-pair.mjs';

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

/** The group `data`: what happens before and after the network, beside Python with NumPy and scipy. */
export async function createGroup({ note }) {
  const { python, source } = findDataPython(note);
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  const peer = { name: 'Python', command: python, args: [path('../peers/data_peer.py')], env: {} };
  return {
    rows: [surfaceMetrics(folder)],
    sides: {
      ours: { name: 'ours', command: process.execPath, args: [path('participant.mjs')], env: {} },
      peer,
      // The functions of MedPy as the published scripts call them.
      peerDefault: peer,
    },
    peer: `NumPy and scipy (${source})`,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
