import { expect, it } from 'vitest';
import { tinyDataset } from '../../test/tiny-dataset.js';
import { createCaseWorkers } from './case-workers.js';

// A reader whose every case fails with what its thread may hold.
const READER = `
  import { resourceLimits } from 'node:worker_threads';
  export const createCaseReader = () => ({
    readCase: async () => { throw new Error('the bound is ' + resourceLimits.maxOldGenerationSizeMb + ' MiB'); },
  });
`;

// A reader that holds ever more.
const GREEDY = `
  const held = [];
  export const createCaseReader = () => ({
    readCase: async () => { for (;;) held.push(new Array(10000).fill(1.5)); },
  });
`;

async function failureOf(reader: string, heapMb: number | undefined): Promise<string> {
  const dataset = tinyDataset({});
  const module = `data:text/javascript,${encodeURIComponent(reader)}`;
  const source = { module, export: 'createCaseReader', options: {}, ...(heapMb === undefined ? {} : { heapMb }) };
  const { preprocessing } = dataset;
  const workers = createCaseWorkers({ reader: dataset, workerSource: source, preprocessing, classCount: 3 }, 1);
  try {
    return String(await workers.store('a', 'labelled').catch((error: Error) => error.message));
  } finally {
    await workers.dispose();
  }
}

it('a thread has the bound of its reader, and V8’s own where there is none', async () => {
  const boundOf = async (heapMb?: number) =>
    Number(/the bound is (\d+) MiB/.exec(await failureOf(READER, heapMb))?.[1]);
  expect(await boundOf(96)).toBe(96);
  expect(await boundOf()).toBeGreaterThan(500);
});

it('an answer that comes while the threads are being ended is dropped', async () => {
  const { workerSource, preprocessing, ...dataset } = tinyDataset({});
  const reader = { ...dataset, workerSource, preprocessing };
  const workers = createCaseWorkers({ reader, workerSource, preprocessing, classCount: 3 }, 1);
  const [first, second] = dataset.splits.labelled;
  await workers.prepare(first!, 'labelled');
  const pending = workers.prepare(second!, 'labelled');
  // This thread is busy until the other has answered.
  for (const end = performance.now() + 300; performance.now() < end; );
  const uncaught: unknown[] = [];
  const listen = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', listen);
  await Promise.allSettled([workers.dispose(), pending]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('uncaughtException', listen);
  expect(uncaught).toEqual([]);
});

it('a reader that goes beyond its bound is told of with its case', async () => {
  const failure = await failureOf(GREEDY, 32);
  expect(failure).toContain('DMX_CASE_UNUSABLE');
  expect(failure).toContain('Case "a" (labelled)');
  expect(failure).toContain('more than the 32 MiB of objects');
});
