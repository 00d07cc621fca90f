import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../lib/command.mjs';
import { findProtocolPython } from '../peers/python.mjs';
import { openData } from './data.mjs';
import { deviceRows } from './device-rows.mjs';
import { predictRow, validateRow } from './inference-rows.mjs';
import { DEVICES as KNOWN } from './presets.mjs';
import { SIZES } from './sizes.mjs';
import { presetRows, stepRows } from './training-rows.mjs';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

export const DEVICES = Object.keys(KNOWN);
export const SIZE_NAMES = Object.keys(SIZES);

/** @returns what the engine says of itself on the device. @throws its error, which says what is missing. */
async function openDevice(task) {
  let facts;
  const args = [path('open-device.mjs'), JSON.stringify({ ...task, preset: 'supervised' })];
  const onLine = (line) => {
    if (line.startsWith('{')) facts = JSON.parse(line);
  };
  const { outcome, reason } = await runCommand({ command: process.execPath, args, onLine });
  if (outcome !== 'done') throw new Error(`--device ${task.device}: ${reason}`);
  return facts;
}

/** The device of PyTorch; undefined where it has none that our device could be compared with, or another network. */
function peerDeviceOf({ device, size }, { hasCuda }) {
  if (SIZES[size].withoutPeer) return undefined;
  if (device === 'cpu') return 'cpu';
  return hasCuda ? 'cuda' : undefined;
}

/** The group `protocol`: the published configuration at its own size, beside PyTorch. */
export async function createGroup({ note, device = 'cpu', size = 'real' }) {
  const python = findProtocolPython(note);
  const { data, scan } = await openData(size, note);
  const task = { size, device, data };
  const engine = device === 'cpu' ? undefined : await openDevice(task);
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  const peerDevice = peerDeviceOf(task, python);
  const setting = { task, folder, threads: availableParallelism(), peerDevice, scan, python: python.python };
  const ours = { name: 'ours', command: process.execPath, args: [path('participant.mjs')], env: {} };
  const peer = { name: 'PyTorch', command: python.python, args: [path('../peers/protocol_peer.py')], env: python.env };
  return {
    rows: [
      ...stepRows(setting),
      validateRow(setting),
      // tfjs-node runs no exported networks.
      ...(device === 'tfjs-node-gpu' ? [] : [predictRow(setting)]),
      ...presetRows(setting),
      ...(device === 'cpu' ? [] : deviceRows(setting)),
    ],
    sides: { ours, ...(peerDevice ? { peer } : {}) },
    peer: peerDevice ? `PyTorch, nibabel and MONAI on ${peerDevice} (${python.source})` : `none on ${device}`,
    ...(engine ? { engine } : {}),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
