import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTorchPython } from '../peers/python.mjs';
import { ROWS } from './rows.mjs';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The group `engine`: our TensorFlow.js backend and PyTorch do the same work from the same weights. */
export async function createGroup({ note }) {
  const torch = findTorchPython(note);
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  const threads = availableParallelism();
  const peer = (env) => ({ name: 'PyTorch', command: torch.python, args: [path('../peers/torch_peer.py')], env });
  const rows = ROWS.map(({ name, steps, block }) => {
    const weights = join(folder, `${name}.safetensors`);
    return {
      name,
      steps,
      block,
      ours: { weights, threads },
      peer: { variant: 'best', threads, exportTo: weights },
      // Same weights, same data: the first loss of both sides must agree.
      valueTolerance: 1e-4,
    };
  });
  return {
    rows,
    sides: {
      ours: { name: 'ours', command: process.execPath, args: [path('participant.mjs')] },
      peer: peer(torch.env),
      peerDefault: peer({}),
    },
    peer: `PyTorch (${torch.source})`,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
