import { expect, it } from 'vitest';
import { findBlock, probeBlock } from './probe.js';
import { createSession, type OrtSession } from './runtime.js';

it('finds the block of this machine with the real library', () => {
  const block = findBlock(createSession);
  expect([0, 8, 16]).toContain(block);
  expect(probeBlock()).toBe(block);
});

it('gives 0 where the operators are missing', () => {
  expect(
    findBlock(() => {
      throw new Error('Fatal error: com.microsoft.nchwc:Conv(-1) is not a registered function/op');
    }),
  ).toBe(0);
});

it('gives 0 where one of the operators computes something else', () => {
  let calls = 0;
  const wrongFrom = (first: number) =>
    findBlock((model, options): OrtSession => {
      const session = createSession(model, options);
      const wrong = ++calls >= first;
      return {
        run(feeds, fetches) {
          const results = session.run(feeds, fetches);
          if (wrong) for (const tensor of Object.values(results)) (tensor.data as Float32Array)[0]! += 1;
          return results;
        },
        dispose: () => session.dispose(),
      };
    });
  for (const first of [1, 2, 3, 4]) {
    calls = 0;
    expect(wrongFrom(first)).toBe(0);
  }
});
