import { type Emitted, Emitter } from '../lowering/emitter.js';
import { createSession, type OrtSession, ort, type SessionOptions } from './runtime.js';

/** Channel blocks that ONNX Runtime's internal operators are known to use: 16 lanes with AVX-512, 8 with AVX2. */
const CANDIDATES = [16, 8] as const;

type CreateSession = (model: Uint8Array, options: SessionOptions) => OrtSession;

/** One operator on small whole numbers, so that equality is exact, and the result that its blocked memory must give. */
interface Trial {
  readonly shapes: readonly (readonly number[])[];
  readonly data: readonly Float32Array[];
  emit(emitter: Emitter, inputs: readonly Emitted[]): Emitted;
  readonly expected: Float32Array;
}

let found: number | undefined;

/**
 * Channel block of ONNX Runtime's internal operators on this machine, or 0 where they are missing or compute something
 * else than expected: the engine then lowers densely. The operators are internal, so they are tried, not assumed.
 * The environment variable DINOMIX_ENGINE_LOWERING=dense gives 0 too.
 */
export function probeBlock(): number {
  if (process.env.DINOMIX_ENGINE_LOWERING === 'dense') return 0;
  found ??= findBlock(createSession);
  return found;
}

/** The first candidate for which every trial gives the expected numbers, else 0. */
export function findBlock(create: CreateSession): number {
  return CANDIDATES.find((block) => TRIALS.every((trial) => succeeds(trial(block), create))) ?? 0;
}

function succeeds(trial: Trial, create: CreateSession): boolean {
  const emitter = new Emitter();
  const inputs = trial.shapes.map((shape, index) => emitter.input(`x${index}`, shape, 'float32'));
  const name = emitter.output(trial.emit(emitter, inputs), 'y');
  try {
    const session = create(emitter.build(), { intraOpNumThreads: 1 });
    const { Tensor } = ort();
    const feeds = Object.fromEntries(
      trial.shapes.map((shape, index) => [`x${index}`, new Tensor('float32', trial.data[index]!, shape)]),
    );
    const result = session.run(feeds, { [name]: null })[name]!.data as Float32Array;
    session.dispose();
    return result.length === trial.expected.length && result.every((value, index) => value === trial.expected[index]);
  } catch {
    return false;
  }
}

const CONV = { strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };

/** Pointwise: output channel i + 1 is input channel i times i + 1. Shows the block and the order of the filter. */
function pointwise(block: number): Trial {
  const channels = 2 * block;
  const width = 3;
  const at = (channel: number, column: number) =>
    (Math.floor(channel / block) * width + column) * block + (channel % block);
  const x = new Float32Array(channels * width);
  const filter = new Float32Array(channels * channels);
  const expected = new Float32Array(channels * width);
  for (let i = 0; i < channels; i++) {
    const o = (i + 1) % channels;
    filter[((Math.floor(o / block) * 2 + Math.floor(i / block)) * block + (i % block)) * block + (o % block)] = i + 1;
    for (let column = 0; column < width; column++) {
      x[at(i, column)] = i * 10 + column;
      expected[at(o, column)] = (i + 1) * (i * 10 + column);
    }
  }
  const shape = [1, channels, 1, width];
  return {
    shapes: [shape, [channels, channels, 1, 1]],
    data: [x, filter],
    emit: (emitter, [image, kernel]) =>
      emitter.blocked('Conv', [image, kernel], { ...CONV, kernel_shape: [1, 1] }, shape),
    expected,
  };
}

/** Depthwise with padding and an activation: what `spreadPlanes` and the normalisations rely on. */
function depthwise(block: number): Trial {
  const x = Float32Array.from({ length: 2 * block }, (_, index) => index - block);
  const expected = new Float32Array(4 * block);
  x.forEach((value, index) => {
    expected[block + index] = Math.min(6, Math.max(-2, 3 * value + 1));
  });
  // Padding sees the bias alone.
  expected.fill(1, 0, block).fill(1, 3 * block);
  const attributes = {
    ...CONV,
    kernel_shape: [1, 1],
    group: block,
    pads: [0, 1, 0, 1],
    activation: 'Clip',
    activation_params: { float: [-2, 6] },
  };
  return {
    shapes: [[1, block, 1, 2]],
    data: [x],
    emit: (emitter, [image]) =>
      emitter.blocked('Conv', [image, emitter.float(3, [block, 1, 1, 1]), emitter.float(1, [block])], attributes, [
        1,
        block,
        1,
        4,
      ]),
    expected,
  };
}

/** One input channel in each of two groups, the kernel as large as the image: the filter gradients rely on it. */
function grouped(block: number): Trial {
  const groups = 2;
  const width = 5;
  const taps = 3;
  const columns = width - taps + 1;
  const x = Float32Array.from({ length: groups * width }, (_, index) => index + 1);
  const kernel = Float32Array.from({ length: groups * taps * block }, (_, index) => (index % 7) - 3);
  const expected = new Float32Array(groups * columns * block);
  for (let group = 0; group < groups; group++) {
    for (let column = 0; column < columns; column++) {
      for (let lane = 0; lane < block; lane++) {
        let sum = 0;
        for (let tap = 0; tap < taps; tap++)
          sum += x[group * width + column + tap]! * kernel[(group * taps + tap) * block + lane]!;
        expected[(group * columns + column) * block + lane] = sum;
      }
    }
  }
  return {
    shapes: [
      [1, groups, 1, width],
      [groups * block, 1, 1, taps],
    ],
    data: [x, kernel],
    emit: (emitter, [image, filter]) =>
      emitter.blocked('Conv', [image, filter], { ...CONV, kernel_shape: [1, taps], group: groups }, [
        1,
        groups * block,
        1,
        columns,
      ]),
    expected,
  };
}

/** Channel-first memory into blocked memory. */
function reorder(block: number): Trial {
  const x = Float32Array.from({ length: 2 * block }, (_, index) => index);
  const expected = Float32Array.from(x, (_, index) => (index % block) * 2 + Math.floor(index / block));
  const shape = [1, block, 1, 2];
  return {
    shapes: [shape],
    data: [x],
    emit: (emitter, [image]) => emitter.blocked('ReorderInput', [image], {}, shape),
    expected,
  };
}

const TRIALS = [pointwise, depthwise, grouped, reorder];
