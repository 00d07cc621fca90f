/** Node, TensorFlow.js, ONNX Runtime and the config in two threads, before a training holds anything. */
const PROCESS_BYTES = 260e6;

/** A thread of the loader. */
const LOADER_BYTES = 35e6;

/** Bytes of the process beside the data of a training. @param workers - threads of the loader. */
export function processBytes(workers: number): number {
  return PROCESS_BYTES + workers * LOADER_BYTES;
}
