import type { ExecutionProvider } from '../lowering/context.js';
import { createOnnxRuntimeError, type EngineError, messageOf } from '../session/errors.js';
import { missingForCuda } from './cuda.js';
import { describeMissing, thisSystem } from './system.js';
import { missingForWebGpu } from './vulkan.js';

const RETRY = "Use device 'cpu', which needs nothing, or one that `dinomix doctor` lists as working.";

/** The part of ONNX Runtime's message that says something: its C++ file names and signatures left out. */
export function plainCause(message: string): string {
  const told =
    /(CUDA|CUDNN|CUBLAS) failure [^;\n]*/.exec(message)?.[0] ??
    /(?:was false\.|Status Message:) *([^\n]+)/.exec(message)?.[1];
  return (told ?? message.split('\n')[0]!).trim();
}

interface Kind {
  readonly pattern: RegExp;
  readonly why: string;
  readonly fix: string;
}

/** Failures that are the device's, by what ONNX Runtime says; the first match counts. */
const KINDS: readonly Kind[] = [
  {
    pattern: /fallback to CPU EP has been explicitly disabled/,
    why: 'it lacks a kernel for some operation of the graph, and the option deviceOnly forbids the CPU',
    fix: 'Leave out deviceOnly: such operations then run on the CPU.',
  },
  {
    pattern: /WebGPU adapter|WebGPU device|Vulkan|vkCreate/i,
    why: 'no GPU driver offers what WebGPU needs',
    fix: `Update the GPU's driver; the software driver lavapipe of Mesa 22 is among those refused. ${RETRY}`,
  },
  {
    pattern: /Failed to load shared library/,
    why: 'its library could not be loaded',
    fix: RETRY,
  },
  {
    pattern: /device (was |is )?lost|DeviceLost/i,
    why: 'the GPU was reset or taken away',
    fix: `Resume the run from its last checkpoint, with a smaller patch if one step took seconds: drivers end work that runs too long. ${RETRY}`,
  },
  {
    pattern: /(CUDA|CUDNN|CUBLAS) failure|CUDA error/i,
    why: 'CUDA reports an error',
    fix: `Check that \`nvidia-smi\` lists the GPU and that driver, CUDA and cuDNN fit each other. ${RETRY}`,
  },
];

function missingFor(device: ExecutionProvider) {
  if (device === 'cuda') return missingForCuda(thisSystem());
  return device === 'webgpu' ? missingForWebGpu(thisSystem()) : [];
}

/**
 * The error for a failure that the device is to blame for: names device, cause and cure. Undefined for any other
 * failure, out of memory included.
 */
export function deviceFailure(device: ExecutionProvider, cause: unknown): EngineError | undefined {
  if (device === 'cpu') return undefined;
  const message = messageOf(cause);
  if (/out of memory|allocat/i.test(message)) return undefined;
  const kind = KINDS.find(({ pattern }) => pattern.test(message));
  if (!kind) return undefined;
  const missing = missingFor(device);
  const { why, fix } = missing.length > 0 ? describeMissing(missing) : kind;
  return createOnnxRuntimeError(
    'DMX_ENGINE_DEVICE',
    `the device '${device}' failed: ${why} (ONNX Runtime: ${plainCause(message)})`,
    fix,
    cause,
  );
}
