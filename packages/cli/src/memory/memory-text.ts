import { byteSize, type MemoryEstimate, type MemoryRoom } from '@dinomix/core';

const BOUNDS: Readonly<Record<MemoryRoom['bound'], string>> = {
  machine: 'the machine has',
  'control group': 'the control group leaves',
  'address space': 'the limit of the address space leaves',
};

/** `memory  expected 12.40 GB, the machine has 18.02 GB`, and what the estimate leaves out. */
export function memoryLines({ peak, notes }: MemoryEstimate, { bytes, bound }: MemoryRoom): string {
  const line = `memory  expected at most ${byteSize(peak)}; ${BOUNDS[bound]} ${byteSize(bytes)}`;
  return [line, ...notes.map((note) => `        not counted: ${note}`)].join('\n');
}
