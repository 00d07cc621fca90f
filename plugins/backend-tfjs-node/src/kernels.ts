import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { DataType, KernelBackend, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

/** The parts of a TensorFlow.js backend that hold data. */
type DataBackend = Pick<KernelBackend, 'write' | 'readSync' | 'disposeData'>;

/** Name under which tfjs-node registers its backend and its kernels. */
export const TENSORFLOW_BACKEND = 'tensorflow';

/**
 * Gives the `tensorflow` backend the kernels that the `cpu` backend has and tfjs-node lacks (17 in 4.22: Transform,
 * SearchSorted, DenseBincount, RotateWithOffset, MaxPoolWithArgmax and the string, sparse and ragged ones): inputs are
 * copied to the CPU backend, its kernel runs, the result is copied back.
 *
 * @param calls counts each call by kernel name.
 * @returns the names added.
 */
export function registerFallbackKernels(tf: typeof TensorFlow, calls: Record<string, number>): readonly string[] {
  const native = new Set(tf.getKernelsForBackend(TENSORFLOW_BACKEND).map((kernel) => kernel.kernelName));
  const missing = tf.getKernelsForBackend('cpu').filter((kernel) => !native.has(kernel.kernelName));
  for (const { kernelName, kernelFunc } of missing) {
    tf.registerKernel({
      kernelName,
      backendName: TENSORFLOW_BACKEND,
      kernelFunc: (args) => {
        calls[kernelName] = (calls[kernelName] ?? 0) + 1;
        const cpu = tf.findBackend('cpu') as KernelBackend;
        return runElsewhere(kernelFunc, args, args.backend as DataBackend, cpu);
      },
    });
  }
  return missing.map((kernel) => kernel.kernelName);
}

type KernelArguments = Parameters<KernelFunc>[0];

function runElsewhere(
  kernel: KernelFunc,
  args: KernelArguments,
  home: DataBackend,
  away: KernelBackend,
): TensorInfo | TensorInfo[] {
  const visitors: TensorInfo[] = [];
  const send = (tensor: TensorInfo): TensorInfo => {
    const dataId = away.write(home.readSync(tensor.dataId), tensor.shape, tensor.dtype);
    const visitor = { dataId, shape: tensor.shape, dtype: tensor.dtype };
    visitors.push(visitor);
    return visitor;
  };
  const inputs: Record<string, TensorInfo | TensorInfo[]> = {};
  for (const [name, input] of Object.entries(args.inputs)) {
    if (input === null || input === undefined) continue;
    inputs[name] = Array.isArray(input) ? input.map(send) : send(input);
  }
  const receive = (output: TensorInfo): TensorInfo => {
    visitors.push(output);
    const dataId = home.write(away.readSync(output.dataId), output.shape, output.dtype as DataType);
    return { dataId, shape: output.shape, dtype: output.dtype };
  };
  try {
    const result = kernel({ ...args, inputs: inputs as KernelArguments['inputs'], backend: away });
    return Array.isArray(result) ? result.map(receive) : receive(result);
  } finally {
    for (const visitor of visitors) away.disposeData(visitor.dataId);
  }
}

/**
 * libtensorflow 2.21 answers zeros for Round of int32. An integer is its own rounding, so such inputs keep their values.
 */
export function correctIntegerRound(tf: typeof TensorFlow): void {
  const native = tf.getKernel(tf.Round, TENSORFLOW_BACKEND);
  const identity = tf.getKernel(tf.Identity, TENSORFLOW_BACKEND);
  tf.unregisterKernel(tf.Round, TENSORFLOW_BACKEND);
  tf.registerKernel({
    ...native,
    kernelFunc: (args) => {
      const x = args.inputs.x as TensorInfo;
      return (x.dtype === 'int32' ? identity : native).kernelFunc(args);
    },
  });
}
