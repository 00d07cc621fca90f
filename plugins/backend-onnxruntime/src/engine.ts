import { registerOnnxRuntime } from './register.js';

registerOnnxRuntime();

export { OnnxRuntimeBackend } from './backend.js';
export { type DeviceName, type DeviceReport, probeDevices } from './devices.js';
export { exportStudent } from './export/export-student.js';
export type { InferenceNetwork } from './network/checked-network.js';
export { loadNetwork } from './network/network.js';
export { type CounterRandomOptions, counterRandom, type DropoutOptions, dropout } from './ops/random.js';
export { conv2d, conv3d, conv3dTranspose, normActivation, softmaxCrossEntropyDice } from './ops/tensor-ops.js';
export { createBackend, type EngineOptions, registerOnnxRuntime } from './register.js';
export { type CompiledStep, compileStep } from './replay.js';
