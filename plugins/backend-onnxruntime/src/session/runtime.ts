import { createRequire } from 'node:module';
import type * as OrtModule from 'onnxruntime-node';
import { createOnnxRuntimeError } from './errors.js';
import { disableTelemetry } from './telemetry.js';

// onnxruntime-node publishes only an asynchronous run, which calls this synchronous binding from setImmediate. TensorFlow.js
// needs `dataSync`, so the binding is called directly. It is private: the version is pinned exactly, and the start-up
// self-test (`probe.ts`) exercises it.
interface BindingSession {
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: SessionOptions): void;
  run(
    feeds: Record<string, OrtTensor>,
    fetches: Record<string, OrtTensor | null>,
    options: object,
  ): Record<string, OrtTensor>;
  dispose(): void;
  endProfiling(): void;
}

interface Binding {
  readonly binding: { readonly InferenceSession: new () => BindingSession };
  readonly initOrt: () => void;
}

export type OrtTensor = OrtModule.Tensor;

export interface SessionOptions {
  readonly executionProviders?: readonly (string | { readonly name: string })[];
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
  readonly graphOptimizationLevel?: 'disabled' | 'basic' | 'extended' | 'all';
  readonly enableMemPattern?: boolean;
  readonly enableCpuMemArena?: boolean;
  readonly enableProfiling?: boolean;
  readonly profileFilePrefix?: string;
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  readonly extra?: Record<string, unknown>;
}

export interface OrtSession {
  run(feeds: Record<string, OrtTensor>, fetches: Record<string, OrtTensor | null>): Record<string, OrtTensor>;
  dispose(): void;
}

interface Loaded {
  readonly ort: typeof OrtModule;
  readonly binding: Binding;
}

let loaded: Loaded | undefined;

/** Loads the native library on first use: importing this package must stay cheap. */
function load(): Loaded {
  if (loaded) return loaded;
  disableTelemetry();
  const require = createRequire(import.meta.url);
  try {
    const ort = require('onnxruntime-node') as typeof OrtModule;
    const binding = require('onnxruntime-node/dist/binding.js') as Binding;
    binding.initOrt();
    loaded = { ort, binding };
    return loaded;
  } catch (cause) {
    throw createOnnxRuntimeError(
      'DMX_ENGINE_LOAD',
      `onnxruntime-node could not be loaded on ${process.platform}/${process.arch}`,
      'It ships binaries for linux x64/arm64, win32 x64/arm64 and darwin arm64. Install it with its optional CUDA download skipped: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1.30.0',
      cause,
    );
  }
}

export function ort(): typeof OrtModule {
  return load().ort;
}

/** Creates a session from a serialised model. */
export function createSession(model: Uint8Array, options: SessionOptions): OrtSession {
  const { binding } = load();
  const session = new binding.binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    interOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
    enableMemPattern: false,
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    ...options,
    ...({ executionMode: 'sequential', logVerbosityLevel: 0 } as object),
  });
  let live = true;
  return {
    run: (feeds, fetches) => session.run(feeds, fetches, {}),
    dispose() {
      if (!live) return;
      live = false;
      if (options.enableProfiling) session.endProfiling();
      session.dispose();
    },
  };
}

/** A session whose memory can be given back between runs. */
export interface ResumableSession extends OrtSession {
  /** Gives back the session and its memory arena, of which ONNX Runtime returns nothing by itself; the next run loads it again. */
  suspend(): void;
}

/** As `createSession`; the model is kept. */
export function createResumableSession(model: Uint8Array, options: SessionOptions): ResumableSession {
  let session: OrtSession | undefined = createSession(model, options);
  let disposed = false;
  const suspend = (): void => {
    session?.dispose();
    session = undefined;
  };
  return {
    run(feeds, fetches) {
      if (disposed) throw new Error('Session already disposed');
      session ??= createSession(model, options);
      return session.run(feeds, fetches);
    },
    suspend,
    dispose() {
      disposed = true;
      suspend();
    },
  };
}
