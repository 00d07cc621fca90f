import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTorchPython, KEEP_MEMORY } from '../peers/python.mjs';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The group `teacher`: what a foundation teacher costs, beside a step without it and beside PyTorch. */
export async function createGroup({ note }) {
  const torch = findTorchPython(note);
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  const threads = availableParallelism();
  const ours = { name: 'ours', command: process.execPath, args: [path('participant.mjs')], env: KEEP_MEMORY };
  const peer = (env) => ({ name: 'PyTorch', command: torch.python, args: [path('../peers/torch_peer.py')], env });
  const weights = join(folder, 'vits16.safetensors');
  /** Both sides are ours: a training with FKD, and the same training without. */
  const againstOurselves = (name, withFkd, without, { steps, block }) => ({
    name,
    steps,
    block,
    inTurns: true,
    ours: { folder, ...withFkd },
    peer: { folder, ...without },
    sides: { ours: { ...ours, name: 'with FKD' }, peer: { ...ours, name: 'without FKD' } },
  });
  const rows = [
    againstOurselves('fkd-warm-step', { fkd: true }, { fkd: false }, { steps: 32, block: 4 }),
    againstOurselves('distil-clean', { distil: 'clean' }, { distil: null }, { steps: 12, block: 3 }),
    againstOurselves('distil-mixed', { distil: 'mixed' }, { distil: null }, { steps: 12, block: 3 }),
    {
      name: 'vits16-online',
      steps: 18,
      block: 3,
      ours: { weights, threads },
      peer: { variant: 'best', threads, exportTo: weights },
      // Mean absolute token of the same weights and the same crop.
      valueTolerance: 1e-4,
    },
  ];
  return {
    rows,
    sides: { ours, peer: peer(torch.env), peerDefault: peer({}) },
    peer: `the step without FKD; PyTorch (${torch.source})`,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
