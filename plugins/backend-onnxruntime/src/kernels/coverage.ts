import '@tensorflow/tfjs-backend-cpu';
import { getKernelsForBackend } from '@tensorflow/tfjs-core';
import { nativeKernels } from './table.js';

/** Where a kernel runs: inside the graph, or on TensorFlow.js's CPU backend between two graphs. */
export type KernelPlace = 'graph' | 'cpu';

export interface KernelCoverage {
  readonly kernel: string;
  readonly place: KernelPlace;
  /** Whether the kernel is this package's own: TensorFlow.js has no operation of that name. */
  readonly own: boolean;
}

/** Every kernel that this backend registers, by name. */
export function kernelCoverage(): KernelCoverage[] {
  const native = new Set(nativeKernels.map(({ kernelName }) => kernelName));
  const standard = new Set(getKernelsForBackend('cpu').map(({ kernelName }) => kernelName));
  return [...new Set([...native, ...standard])].sort().map((kernel) => ({
    kernel,
    place: native.has(kernel) ? 'graph' : 'cpu',
    own: !standard.has(kernel),
  }));
}

/** The coverage as a Markdown table for the README. */
export function kernelTable(): string {
  const all = kernelCoverage();
  const row = (title: string, wanted: (item: KernelCoverage) => boolean) => {
    const names = all.filter(wanted).map(({ kernel }) => `\`${kernel}\``);
    return `| ${title} | ${names.length} | ${names.join(', ')} |`;
  };
  return [
    '| runs | kernels | names |',
    '|---|---|---|',
    row('in the graph', ({ place, own }) => place === 'graph' && !own),
    row("in the graph, this package's own", ({ own }) => own),
    row('on the CPU backend', ({ place }) => place === 'cpu'),
  ].join('\n');
}
