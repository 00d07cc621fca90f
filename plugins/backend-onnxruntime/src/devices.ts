import { availableParallelism } from 'node:os';
import { missingForCuda } from './devices/cuda.js';
import { plainCause } from './devices/failure.js';
import { describeMissing, type Missing, type System, thisSystem } from './devices/system.js';
import { isSoftwareOnly, missingForWebGpu, vulkanDrivers } from './devices/vulkan.js';
import type { ExecutionProvider } from './lowering/context.js';
import { Emitter } from './lowering/emitter.js';
import { createOnnxRuntimeError, messageOf } from './session/errors.js';
import { probeBlock } from './session/probe.js';
import { createSession, ort } from './session/runtime.js';

/** A device to compute on. `auto` is CUDA where it works and the CPU elsewhere. */
export type DeviceName = ExecutionProvider | 'auto';

export interface DeviceReport {
  readonly device: DeviceName;
  readonly works: boolean;
  /** In plain words: what runs there, or what is missing and how to get it. */
  readonly note: string;
}

type Outcome = { readonly works: true } | { readonly works: false; readonly why: string; readonly fix: string };

/** Devices whose test graph ran in this process. */
const proven = new Set<ExecutionProvider>(['cpu']);

/** What each device would do here. Runs a one-node graph on those that lack nothing; changes nothing. */
export async function probeDevices(): Promise<readonly DeviceReport[]> {
  const system = thisSystem();
  const cuda = tryDevice('cuda', system);
  const chosen = cuda.works ? 'cuda' : 'cpu';
  const auto = `takes ${chosen}: cuda where its test graph runs, else cpu. webgpu is taken only by name, since its driver may be a software one.`;
  return [
    { device: 'auto', works: true, note: auto },
    { device: 'cpu', works: true, note: cpuNote() },
    report('webgpu', tryDevice('webgpu', system), () => webGpuNote(system)),
    report('cuda', cuda, () => 'a test convolution ran on the NVIDIA GPU.'),
  ];
}

function report(device: ExecutionProvider, outcome: Outcome, note: () => string): DeviceReport {
  return { device, works: outcome.works, note: outcome.works ? note() : `${outcome.why}. ${outcome.fix}` };
}

function cpuNote(): string {
  const block = probeBlock();
  const how =
    block > 0 ? `convolutions in blocks of ${block} channels` : 'dense convolutions: the blocked ones do not work here';
  return `part of onnxruntime-node; ${availableParallelism()} threads, ${how}.`;
}

function webGpuNote(system: System): string {
  const { files } = vulkanDrivers(system);
  if (system.platform !== 'linux') return 'a test convolution ran on the GPU.';
  if (isSoftwareOnly(files)) {
    return `a test convolution ran, on a software driver (${files.join(', ')}): right results, far slower than cpu. For tests only.`;
  }
  return `a test convolution ran through Vulkan; registered drivers: ${files.join(', ')}.`;
}

/** Missing parts first: ONNX Runtime's own messages do not name them. */
function tryDevice(device: Exclude<ExecutionProvider, 'cpu'>, system: System): Outcome {
  const missing: Missing[] = device === 'cuda' ? missingForCuda(system) : missingForWebGpu(system);
  if (missing.length > 0) return { works: false, ...describeMissing(missing) };
  try {
    runConvolution(device);
    return { works: true };
  } catch (cause) {
    const fix = device === 'cuda' ? 'Check that `nvidia-smi` lists the GPU.' : "Update the GPU's driver.";
    return { works: false, why: `nothing is missing, but a test graph failed: ${plainCause(messageOf(cause))}`, fix };
  }
}

/** A convolution over three axes with one weight of two. */
function runConvolution(device: ExecutionProvider): void {
  if (proven.has(device)) return;
  const emitter = new Emitter();
  const x = emitter.input('x', [1, 1, 2, 2, 2], 'float32');
  const weight = emitter.float(2, [1, 1, 1, 1, 1]);
  const name = emitter.output(emitter.node('Conv', [x, weight], {}, x.shape), 'y');
  const session = createSession(emitter.build(), { executionProviders: [device] });
  try {
    const { Tensor } = ort();
    const values = Float32Array.from({ length: 8 }, (_, index) => index);
    const results = session.run({ x: new Tensor('float32', values, x.shape) }, { [name]: null });
    const found = results[name]!.data as Float32Array;
    if (!found.every((value, index) => value === 2 * index)) throw new Error(`2 * [${values}] came out as [${found}]`);
    proven.add(device);
  } finally {
    session.dispose();
  }
}

/**
 * The device to use. `auto` is CUDA where it works and the CPU elsewhere.
 * @throws `DMX_ENGINE_DEVICE` saying what is missing and how to get it.
 */
export function resolveDevice(wanted: DeviceName): ExecutionProvider {
  if (wanted === 'cpu' || (wanted !== 'auto' && proven.has(wanted))) return wanted;
  const device = wanted === 'auto' ? 'cuda' : wanted;
  const outcome = tryDevice(device, thisSystem());
  if (outcome.works) return device;
  if (wanted === 'auto') return 'cpu';
  throw createOnnxRuntimeError(
    'DMX_ENGINE_DEVICE',
    `the device '${wanted}' does not work here: ${outcome.why}`,
    `${outcome.fix} Or use device 'cpu', which needs nothing.`,
  );
}
