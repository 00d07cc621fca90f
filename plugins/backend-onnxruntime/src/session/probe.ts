import { Emitter } from '../lowering/emitter.js';
import { createSession, ort } from './runtime.js';

/** Channel blocks that ONNX Runtime's internal operators are known to use: 16 lanes with AVX-512, 8 with AVX2. */
const CANDIDATES = [16, 8] as const;

let found: number | undefined;

/**
 * Channel block of ONNX Runtime's internal operators on this machine, or 0 where they are missing or compute something
 * else than expected: the engine then lowers densely. The operators are internal, so they are tried, not assumed.
 */
export function probeBlock(): number {
  if (process.env.DINOMIX_ENGINE_LOWERING === 'dense') return 0;
  found ??= CANDIDATES.find((block) => reordersBy(block)) ?? 0;
  return found;
}

/**
 * Runs a pointwise convolution on blocked memory whose result depends on the block: input channel c holds c, the filter
 * adds channel i to output o with weight (i + 1) for o = (i + 1) mod channels only, laid out for `block`.
 */
function reordersBy(block: number): boolean {
  const channels = 2 * block;
  const width = 3;
  const emitter = new Emitter();
  const x = emitter.input('x', [1, channels, 1, width], 'float32');
  const w = emitter.input('w', [channels, channels, 1, 1], 'float32');
  const attributes = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
  const name = emitter.output(emitter.blocked('Conv', [x, w], attributes, [1, channels, 1, width]), 'y');
  const input = new Float32Array(channels * width);
  const filter = new Float32Array(channels * channels);
  const expected = new Float32Array(channels * width);
  const at = (channel: number, column: number) =>
    (Math.floor(channel / block) * width + column) * block + (channel % block);
  for (let i = 0; i < channels; i++) {
    const o = (i + 1) % channels;
    filter[((Math.floor(o / block) * 2 + Math.floor(i / block)) * block + (i % block)) * block + (o % block)] = i + 1;
    for (let column = 0; column < width; column++) {
      input[at(i, column)] = i * 10 + column;
      expected[at(o, column)] = (i + 1) * (i * 10 + column);
    }
  }
  try {
    const session = createSession(emitter.build(), { intraOpNumThreads: 1 });
    const { Tensor } = ort();
    const feeds = {
      x: new Tensor('float32', input, [1, channels, 1, width]),
      w: new Tensor('float32', filter, [channels, channels, 1, 1]),
    };
    const results = session.run(feeds, { [name]: null });
    session.dispose();
    return (results[name]!.data as Float32Array).every((value, index) => value === expected[index]);
  } catch {
    return false;
  }
}
