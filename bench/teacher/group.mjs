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
  const rows = [
    {
      name: 'fkd-warm-step',
      steps: 16,
      block: 8,
      inTurns: true,
      ours: { folder, fkd: true },
      peer: { folder, fkd: false },
      // Both sides are ours: a step with FKD, and the same step without.
      sides: { ours: { ...ours, name: 'with FKD' }, peer: { ...ours, name: 'without FKD' } },
    },
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
