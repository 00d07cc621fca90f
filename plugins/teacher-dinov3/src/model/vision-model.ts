import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { disableTelemetry } from '@dinomix/core/telemetry';
import { fromFloat16, toFloat16 } from '@dinomix/volume';
import type * as OnnxRuntime from 'onnxruntime-node';
import { buildControl } from '../control/control.js';
import type { Dinov3Options } from '../options.js';
import type { Sides } from '../slices.js';
import { type Declared, inspectAnswer, inspectModel, type ModelInterface, type TokenLayout } from './inspect.js';
import { readModelFile, unusable } from './model-file.js';

/** What is said wherever a result of the random network is shown. */
export const CONTROL_PROVENANCE = 'teacher: random control weights, not DINOv3';

/** Answer to one picture: tokens `[t, c]` or a map `[c, h, w]`. */
type Answer = Float32Array;

/** A loaded vision model. */
export interface VisionModel {
  readonly provenance: string;
  /** sha256 (hexadecimal) of the weights. */
  readonly digest: string;
  readonly interface: ModelInterface;
  /** How the tokens of pictures with these sides lie; asks the model once for each size. */
  layout(sides: Sides): Promise<TokenLayout>;
  /** Pictures that {@link run} takes at once. */
  readonly atOnce: number;
  /** Answers to up to `atOnce` pictures `[count, 3, h, w]`. */
  run(pictures: Float32Array, count: number, sides: Sides): Promise<readonly Answer[]>;
  dispose(): Promise<void>;
}

interface Source {
  /** For messages. */
  readonly name: string;
  readonly provenance: string;
  readonly digest: string;
  readonly model: string | Uint8Array;
  /** Folder of the files with the weights of a model that is given as bytes. */
  readonly weights: string;
}

async function sourceOf({ model, output, control }: Dinov3Options): Promise<Source> {
  if (model === null) {
    const bytes = await buildControl(control);
    const digest = createHash('sha256').update(bytes).digest('hex');
    return { name: 'random control network', provenance: CONTROL_PROVENANCE, model: bytes, digest, weights: '' };
  }
  const { path, digest, edited } = await readModelFile(model, output);
  const provenance = `teacher: ${basename(path)}, sha256 ${digest.slice(0, 12)}`;
  return { name: path, provenance, model: edited ?? path, digest, weights: dirname(path) };
}

async function createSession(
  ort: typeof OnnxRuntime,
  { model, name, weights }: Source,
  threads: number | null,
): Promise<OnnxRuntime.InferenceSession> {
  const options: OnnxRuntime.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    logSeverityLevel: 3,
    ...(threads === null ? {} : { intraOpNumThreads: threads }),
  };
  try {
    return typeof model === 'string'
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, {
          ...options,
          // onnxruntime_session_options_config_keys.h: where a model in memory has its external data.
          extra: { session: { model_external_initializers_file_folder_path: weights } },
        });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unusable(name, 'an ONNX file that ONNX Runtime loads', reason, cause);
  }
}

function declared(values: readonly OnnxRuntime.InferenceSession.ValueMetadata[]): readonly Declared[] {
  return values.map((value) =>
    value.isTensor
      ? { name: value.name, type: value.type, shape: value.shape }
      : { name: value.name, type: 'no tensor', shape: [] },
  );
}

/**
 * Loads the model of the options, or builds the random control network.
 * @throws DmxError `DMX_DINOV3_MODEL` that says what was expected and found when the file is not such a model.
 */
export async function openVisionModel(options: Dinov3Options): Promise<VisionModel> {
  const source = await sourceOf(options);
  disableTelemetry();
  const ort = await import('onnxruntime-node');
  const session = await createSession(ort, source, options.threads);
  const contract = inspectModel(
    declared(session.inputMetadata),
    declared(session.outputMetadata),
    options,
    source.name,
  );
  const call = async (pictures: Float32Array, sides: Sides): Promise<OnnxRuntime.Tensor> => {
    const count = pictures.length / (3 * sides[0] * sides[1]);
    const shape = [count, 3, ...sides];
    const image =
      contract.inputType === 'float16'
        ? new ort.Tensor('float16', toFloat16(pictures), shape)
        : new ort.Tensor('float32', pictures, shape);
    return (await session.run({ [contract.input]: image }, [contract.output]))[contract.output]!;
  };
  const layouts = new Map<string, TokenLayout>();
  return {
    provenance: source.provenance,
    digest: source.digest,
    interface: contract,
    layout: async (sides) => {
      const known = layouts.get(sides.join());
      if (known !== undefined) return known;
      const { dims } = await call(new Float32Array((contract.fixedBatch ?? 1) * 3 * sides[0] * sides[1]), sides);
      const layout = inspectAnswer(dims, sides, contract, options, source.name);
      layouts.set(sides.join(), layout);
      return layout;
    },
    atOnce: contract.fixedBatch ?? options.slicesPerCall,
    run: async (pictures, count, sides) => {
      // A model with a fixed batch gets its last call filled up with black.
      const length = 3 * sides[0] * sides[1] * (contract.fixedBatch ?? count);
      const output = await call(filled(pictures, length), sides);
      const data =
        output.type === 'float16' ? fromFloat16(output.data as unknown as Uint16Array) : (output.data as Float32Array);
      const size = data.length / output.dims[0]!;
      return Array.from({ length: count }, (_, index) => data.subarray(index * size, (index + 1) * size));
    },
    dispose: () => session.release(),
  };
}

function filled(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values;
  const result = new Float32Array(length);
  result.set(values);
  return result;
}
