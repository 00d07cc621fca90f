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

async function boundOf(heapMb: number | undefined): Promise<number> {
  const dataset = tinyDataset({});
  const module = `data:text/javascript,${encodeURIComponent(READER)}`;
  const source = { module, export: 'createCaseReader', options: {}, ...(heapMb === undefined ? {} : { heapMb }) };
  const { preprocessing } = dataset;
  const workers = createCaseWorkers({ reader: dataset, workerSource: source, preprocessing, classCount: 3 }, 1);
  try {
    const failed = await workers.store('a', 'labelled').catch((error: Error) => error.message);
    return Number(/the bound is (\d+) MiB/.exec(String(failed))?.[1]);
  } finally {
    await workers.dispose();
  }
}

it('a thread has the bound of its reader, and V8’s own where there is none', async () => {
  expect(await boundOf(96)).toBe(96);
  expect(await boundOf(undefined)).toBeGreaterThan(500);
});
