import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RECIPES } from '@dinomix/data';
import { readNifti } from '@dinomix/volume';
import { SideEnded } from '../lib/participant.mjs';
import { round } from '../lib/statistics.mjs';
import { DINOMIX, dinomixCommand, taskEnvironment } from './dinomix-command.mjs';
import { SIZES } from './sizes.mjs';
import { makeMaterial, peerSize } from './training-rows.mjs';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const LEAST_EQUAL = 0.999;

const halves = (patch) => patch.map((side) => side / 2);

/** One validation case to labels by the network of a run, without exporting it. */
export function validateRow({ task, folder, threads, peerDevice }) {
  const own = { ...task, preset: 'supervised' };
  const { patch } = SIZES[task.size];
  return {
    name: 'p1-validate',
    steps: 4,
    block: 2,
    inTurns: true,
    reportsEnds: true,
    // Mean of the highest averaged probability.
    valueTolerance: 1e-4,
    ours: { task: own },
    peer: { ...peerSize(task, threads, peerDevice), stride: halves(patch) },
    extras: {},
    prepare: async () => {
      const { directory, first } = await makeMaterial('network', own, folder, 'validate');
      return { ours: { run: directory, first }, peer: { first } };
    },
  };
}

/** Share of voxels with the same label, and how many labels there are. */
async function compareLabels(ours, peer) {
  const [a, b] = [(await readNifti(ours)).volume, (await readNifti(peer)).volume];
  if (String(a.shape) !== String(b.shape)) throw new Error(`predict-ct: labels of [${a.shape}] and [${b.shape}]`);
  const equal = a.data.reduce((count, label, voxel) => count + Number(label === b.data[voxel]), 0) / a.data.length;
  const labels = new Set(a.data).size;
  if (!(equal > LEAST_EQUAL))
    throw new Error(`predict-ct: ${equal} of the voxels have the same label: not the same work`);
  return { equalVoxels: round(equal, 6), labels };
}

/** What the program of the other side must know about the network. */
function factsOf({ size }) {
  const { recipe, patch } = SIZES[size];
  const { grid, normalisation } = RECIPES[recipe].preprocessing;
  return { patch, overlap: 0.5, shape: grid.kind === 'shape' ? grid.shape : null, steps: normalisation.steps };
}

/** From the start of a process to the file with the labels: `dinomix predict` beside nibabel, PyTorch and MONAI. */
export function predictRow({ task, folder, threads, peerDevice, scan, python }) {
  const own = { ...task, preset: 'supervised' };
  const [network, ours, peer] = ['network.onnx', 'ours.nii.gz', 'peer.nii.gz'].map((name) => join(folder, name));
  const wrapper = { command: process.execPath, args: [path('command-participant.mjs')], env: {} };
  const argsOf = (first) => {
    const facts = { ...factsOf(task), ...peerSize(task, threads, peerDevice), first };
    return [path('../peers/predict_ct.py'), scan, peer, JSON.stringify(facts)];
  };
  const predict = [DINOMIX, 'predict', scan, '--network', network, '--out', ours, '--force', '--device', task.device];
  return {
    name: 'predict-ct',
    steps: 4,
    block: 2,
    inTurns: true,
    reportsEnds: true,
    ours: { command: { command: process.execPath, args: predict, cwd: path('.'), env: taskEnvironment(own) } },
    sides: {
      ours: { ...wrapper, name: 'dinomix predict' },
      ...(peerDevice ? { peer: { ...wrapper, name: 'nibabel, PyTorch, MONAI' } } : {}),
    },
    extras: {},
    prepare: async () => {
      const { directory, first } = await makeMaterial('network', own, folder, 'predict');
      const exported = await dinomixCommand(['export', directory, '--out', network], own, { config: false });
      if (exported.outcome !== 'done') throw new SideEnded(`dinomix export: ${exported.reason}`, exported);
      for (const file of [ours, peer]) rmSync(file, { force: true });
      return { peer: { command: { command: python, args: argsOf(first) } } };
    },
    compare: () => (existsSync(ours) && existsSync(peer) ? compareLabels(ours, peer) : {}),
  };
}
