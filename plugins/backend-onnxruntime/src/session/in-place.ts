import { type Emitted, Emitter } from '../lowering/emitter.js';
import { messageOf } from './errors.js';
import { createSession, type OrtSession, type OrtTensor, ort } from './runtime.js';

/**
 * onnxruntime-node writes into an output tensor that it is given, but then copies the result into a new array, which for
 * the probabilities of a volume costs more than their computation. It converts the outputs in their order and stops with
 * an error at one that is no tensor: a graph whose first output is an empty sequence ends there, after everything was
 * computed and written, and nothing is copied. `writesInPlace` tries it before it is relied on.
 */
const STOPPED = 'Non tensor type is temporarily not supported.';

const FLOAT = 1;

/** Declares the output that stops the copying; call it before any other output. */
export function declareStop(emitter: Emitter): string {
  const sequence: Emitted = emitter.node('SequenceEmpty', [], { dtype: FLOAT }, [], 'float32');
  return emitter.output(sequence, 'stop');
}

/** Runs a graph with `declareStop`; every other output is written into the tensor given for it. */
export function runInPlace(
  session: OrtSession,
  feeds: Record<string, OrtTensor>,
  stop: string,
  outputs: Record<string, OrtTensor>,
): void {
  try {
    session.run(feeds, { [stop]: null, ...outputs });
  } catch (cause) {
    if (messageOf(cause) !== STOPPED) throw cause;
  }
}

let works: boolean | undefined;

/** Whether results arrive in the given tensors, also where an input is the output. Else every result is copied. */
export function writesInPlace(): boolean {
  works ??= tryInPlace(createSession);
  return works;
}

/** Adds 3 to one of two numbers, twice. */
export function tryInPlace(create: typeof createSession): boolean {
  const emitter = new Emitter();
  const stop = declareStop(emitter);
  const sums = emitter.input('sums', [2, 1], 'float32');
  const rows = emitter.constant(BigInt64Array.of(1n), [1, 1], 'int64');
  const added = emitter.node('ScatterND', [sums, rows, emitter.float(3, [1, 1])], { reduction: 'add' }, [2, 1]);
  const name = emitter.output(added, 'added');
  const session = create(emitter.build(), { executionProviders: ['cpu'], intraOpNumThreads: 1 });
  try {
    const tensor = new (ort().Tensor)('float32', Float32Array.of(1, 2), [2, 1]);
    for (let time = 0; time < 2; time++) runInPlace(session, { sums: tensor }, stop, { [name]: tensor });
    return (tensor.data as Float32Array).join() === '1,8';
  } catch {
    return false;
  } finally {
    session.dispose();
  }
}
