import { describe, expect, it } from 'vitest';
import { withDeadline } from './deadline.js';
import { createDisposalStack } from './disposal-stack.js';
import { createLifecycle } from './state.js';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('withDeadline', () => {
  it('gives the value, also of a function that is not async', async () => {
    expect(await withDeadline(() => 7, 1000, 'x')).toBe(7);
    expect(await withDeadline(() => 7, Number.POSITIVE_INFINITY, 'x')).toBe(7);
  });

  it('names who hangs with DMX_DEADLINE', async () => {
    const hung = withDeadline(() => new Promise<never>(() => undefined), 10, 'setup of @x/slow 1.0.0', {
      plugin: '@x/slow 1.0.0',
    });
    await expect(hung).rejects.toMatchObject({
      code: 'DMX_DEADLINE',
      plugin: '@x/slow 1.0.0',
      summary: 'setup of @x/slow 1.0.0 did not end in time',
    });
  });

  it('leaves no timer behind', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await withDeadline(() => undefined, 60_000, 'x');
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBe(before);
  });
});

describe('disposal stack', () => {
  it('disposes last in, first out, one after the other', async () => {
    const seen: string[] = [];
    const stack = createDisposalStack();
    stack.add('a', () => void seen.push('a'));
    stack.add('b', async () => {
      seen.push('b starts');
      await pause(5);
      seen.push('b ends');
    });
    stack.add('c', () => void seen.push('c'));
    expect(await stack.run(1000)).toEqual([]);
    expect(seen).toEqual(['c', 'b starts', 'b ends', 'a']);
    expect(stack.size).toBe(0);
    expect(await stack.run(1000)).toEqual([]);
    expect(seen.length).toBe(4);
  });

  it('goes on after a failure and after a deadline, and names both', async () => {
    const seen: string[] = [];
    const cause = new Error('busy');
    const stack = createDisposalStack();
    stack.add('@x/first 1.0.0', () => void seen.push('first'));
    stack.add('@x/throws 1.0.0', () => {
      throw cause;
    });
    stack.add('@x/hangs 1.0.0', () => new Promise<never>(() => undefined));
    const failures = await stack.run(10);
    expect(seen).toEqual(['first']);
    expect(failures).toMatchObject([
      { code: 'DMX_DEADLINE', plugin: '@x/hangs 1.0.0', phase: 'dispose' },
      { code: 'DMX_DISPOSE_FAILED', plugin: '@x/throws 1.0.0', cause },
    ]);
  });

  it('also disposes what is added while disposing', async () => {
    const seen: string[] = [];
    const stack = createDisposalStack();
    stack.add('outer', () => stack.add('inner', () => void seen.push('inner')));
    await stack.run(1000);
    expect(seen).toEqual(['inner']);
  });
});

describe('lifecycle', () => {
  it('names the call, the state and what would do: DMX_STATE', () => {
    const lifecycle = createLifecycle('started');
    expect(() => lifecycle.assert('run.resolve', 'started', 'running')).not.toThrow();
    lifecycle.moveTo('disposed');
    expect(() => lifecycle.assert('run.resolve', 'started', 'running')).toThrowError(
      expect.objectContaining({
        code: 'DMX_STATE',
        summary: 'run.resolve is not possible now',
        why: 'The state is "disposed"; the call is allowed in "started" and "running".',
      }),
    );
  });
});
