import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { DeviceName } from '@dinomix/core';
import { Emitter } from './lowering/emitter.js';
import { createOnnxRuntimeError, messageOf } from './session/errors.js';
import { createSession, ort } from './session/runtime.js';

type Device = Exclude<DeviceName, 'auto'>;

export interface DeviceReport {
  readonly device: DeviceName;
  readonly works: boolean;
  readonly note: string;
}

const CUDA_STEPS =
  'On Linux x64 with CUDA 12, cuDNN 9 and an NVIDIA driver run: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node (with pnpm: pnpm rebuild onnxruntime-node under the same variable and allowBuilds set to true).';

const WEBGPU_STEPS = 'It needs a Vulkan, Metal or Direct3D 12 driver; on Linux also libvulkan1.';

/** What each device would do here. Tries a one-node graph; changes nothing. */
export async function probeDevices(): Promise<readonly DeviceReport[]> {
  const [cpu, webgpu, cuda] = (['cpu', 'webgpu', 'cuda'] as const).map(probeDevice) as [
    DeviceReport,
    DeviceReport,
    DeviceReport,
  ];
  const auto = cuda.works ? 'cuda' : 'cpu';
  return [
    {
      device: 'auto',
      works: true,
      note: `takes ${auto}; webgpu only when asked for, since it may be a software driver`,
    },
    cpu,
    webgpu,
    cuda,
  ];
}

function probeDevice(device: Device): DeviceReport {
  if (device === 'cuda' && !hasCudaLibrary()) {
    return { device, works: false, note: `onnxruntime-node was installed without its CUDA library. ${CUDA_STEPS}` };
  }
  try {
    runOneNode(device);
    return { device, works: true, note: device === 'cpu' ? 'bundled' : 'a test graph ran' };
  } catch (cause) {
    const steps = device === 'cuda' ? CUDA_STEPS : WEBGPU_STEPS;
    return { device, works: false, note: `${messageOf(cause).split('\n')[0]} ${steps}` };
  }
}

function hasCudaLibrary(): boolean {
  const package_ = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const names = ['libonnxruntime_providers_cuda.so', 'onnxruntime_providers_cuda.dll'];
  return names.some((name) => existsSync(join(package_, 'bin', 'napi-v6', process.platform, process.arch, name)));
}

function runOneNode(device: Device): void {
  const emitter = new Emitter();
  const x = emitter.input('x', [4], 'float32');
  const name = emitter.output(emitter.node('Add', [x, x], {}, [4]), 'y');
  const session = createSession(emitter.build(), { executionProviders: [device] });
  try {
    const { Tensor } = ort();
    const results = session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [4]) }, { [name]: null });
    if ((results[name]!.data as Float32Array)[3] !== 8) throw new Error('a test graph gave a wrong result');
  } finally {
    session.dispose();
  }
}

/**
 * The device to use. `auto` is CUDA where it works and the CPU elsewhere.
 * @throws `DMX_ENGINE_DEVICE` saying what is missing.
 */
export function resolveDevice(wanted: DeviceName): Device {
  if (wanted === 'cpu') return 'cpu';
  if (wanted === 'auto') return hasCudaLibrary() && probeDevice('cuda').works ? 'cuda' : 'cpu';
  const report = probeDevice(wanted);
  if (report.works) return wanted;
  throw createOnnxRuntimeError(
    'DMX_ENGINE_DEVICE',
    `the device '${wanted}' does not work here: ${report.note}`,
    "Use device 'cpu', or do what the note says.",
  );
}
