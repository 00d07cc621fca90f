import { expect, test } from 'vitest';
import { createBenchmarkDataset } from '../benchmarks/benchmark-dataset.js';
import { RECIPES } from '../benchmarks/recipes.js';
import { niftiFormat } from '../layouts/nifti.js';

const digests = (label: string | null) => ({ image: 'i', label });

/** A folder with these cases; those in capitals have a label. */
const folder = (ids: readonly string[], splits: Parameters<typeof createBenchmarkDataset>[0]['splits']) =>
  createBenchmarkDataset({
    title: 'T',
    licence: 'L',
    root: '/data',
    classes: [{ index: 0, name: 'background', colour: [0, 0, 0], tail: false }],
    cases: ids.map((id) => {
      const label = id === id.toUpperCase() ? `/data/labels/${id}.nii` : null;
      return { id: id.toUpperCase(), image: `/data/images/${id}.nii`, label, isTest: false };
    }),
    splits,
    problems: [],
    recipe: RECIPES.p1,
    format: niftiFormat({ geometry: null, replaceNonFinite: null }),
    options: { tolerance: 0.01, cache: null },
    isCt: () => true,
  });

const recorded = {
  splits: { labelled: ['A'], unlabelled: ['B'], validation: ['C'], test: ['D', 'E'] },
  cases: { A: digests('a'), B: digests(null), C: digests('c'), D: digests('d'), E: digests(null) },
};
const today = { labelled: ['D'], unlabelled: [], validation: ['A'], test: ['C', 'F'] };

test('a split that was recorded is had again whatever the folder would be split into today', () => {
  const dataset = folder(['A', 'b', 'C', 'D', 'e', 'F'], today);
  expect(dataset.splits).toEqual(today);
  expect(dataset.withSplit!(recorded).splits).toEqual(recorded.splits);
});

test('each case that lost its image, or the label that it had, is named', () => {
  const problemsOf = (ids: readonly string[]) => {
    try {
      folder(ids, today).withSplit!(recorded);
      return [];
    } catch (thrown) {
      const { problems, why } = thrown as { problems: readonly { why: string }[]; why: string };
      return problems.length === 0 ? [why] : problems.map((one) => one.why);
    }
  };
  expect(problemsOf(['A', 'b', 'C', 'd', 'e'])).toEqual([
    expect.stringMatching(/^Has no label of "D" \(test\) any more.*\/data\/images$/i),
  ]);
  expect(problemsOf(['a', 'c', 'D', 'e'])).toEqual([
    expect.stringMatching(/no label of "A" \(labelled\)/),
    expect.stringMatching(/no image of "B" \(unlabelled\)/),
    expect.stringMatching(/no label of "C" \(validation\)/),
  ]);
});
