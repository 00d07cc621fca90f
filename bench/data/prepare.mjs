import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createFolderDataset, niftiFormat, RECIPES } from '@dinomix/data';
import { prepareDataset } from '@dinomix/data/prepare';
import { fromFloat16, readSafetensors } from '@dinomix/volume';

const CLASSES = Array.from({ length: 14 }, (_, index) => ({ index, name: `${index}`, colour: [0, 0, 0], tail: false }));

function datasetOf(files, cache) {
  const ids = files.map((_, index) => String(index));
  return createFolderDataset({
    title: 'bench',
    licence: '',
    classes: CLASSES,
    splits: { labelled: ids, unlabelled: [], validation: [], test: [] },
    ...RECIPES.p1,
    cases: Object.fromEntries(files.map((pair, index) => [ids[index], pair])),
    format: niftiFormat({ geometry: null, replaceNonFinite: null }),
    tolerance: 0.01,
    cache,
    async *check() {},
  });
}

async function meanOf(cache) {
  const name = readdirSync(cache).find((file) => file.endsWith('.safetensors'));
  const image = fromFloat16((await readSafetensors(join(cache, name))).tensor('image').data);
  return image.reduce((sum, value) => sum + value, 0) / image.length;
}

/** Prepares the volumes by recipe P1, hashes and keeps them, as `dinomix data prepare` does. */
export function create({ files, cache, workers }) {
  const dataset = datasetOf(files, cache);
  const options = { workers, keepGoing: false, signal: new AbortController().signal, onCase: () => {} };
  let mean;
  return async () => {
    rmSync(cache, { recursive: true, force: true });
    await prepareDataset(dataset, options);
    // Of the first case, once: it tells that both sides did the same.
    mean ??= await meanOf(cache);
    return mean;
  };
}
