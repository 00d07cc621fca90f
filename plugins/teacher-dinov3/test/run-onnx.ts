import { InferenceSession, Tensor } from 'onnxruntime-node';

/** One run of a model file or of its bytes; outputs by name. */
export async function runOnnx(
  model: string | Uint8Array,
  pixels: Float32Array,
  shape: readonly number[],
): Promise<Readonly<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>>> {
  const options = { logSeverityLevel: 3, intraOpNumThreads: 1 } as const;
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  try {
    const outputs = await session.run({ pixel_values: new Tensor('float32', pixels, shape) });
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }]),
    );
  } finally {
    await session.release();
  }
}
