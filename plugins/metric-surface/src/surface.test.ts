import { existsSync, readFileSync } from 'node:fs';
import type { Index3 } from '@dinomix/core';
import { readNifti } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { surface } from './index.js';
import { percentile } from './measures.js';
import { optionsSchema, type SurfaceOptions } from './options.js';
import { createSurfaceMetric } from './surface.js';

type Tool = SurfaceOptions['definition'];
type Values = Record<Tool, Record<SurfaceOptions['unit'], Record<string, (number | null)[]>>>;

/** Numbers of MedPy, MONAI and surface-distance themselves: test/make_expected.py. */
const expected = JSON.parse(readFileSync(new URL('../test/expected.json', import.meta.url), 'utf8')) as {
  tolerance: number;
  cases: { name: string; shape: Index3; spacing: Index3; prediction: string; reference: string; values: Values }[];
  real: { name: string; file: string; labels: number[]; spacing: Index3; voxels: number[]; values: Values }[];
};

interface Pair {
  readonly prediction: Uint8Array;
  readonly reference: Uint8Array;
  readonly shape: Index3;
  readonly spacing: Index3;
}

const TOOLS = ['medpy', 'monai', 'deepmind'] as const;
const UNITS = ['mm', 'voxel'] as const;

/** To 1e-6, relative above 1: MONAI computes in single precision. */
async function expectValues(pair: Pair, values: Values, tool: Tool, unit: 'mm' | 'voxel'): Promise<void> {
  const wanted = values[tool][unit];
  const options = optionsSchema.parse({
    measures: Object.keys(wanted),
    definition: tool,
    unit,
    tolerance: expected.tolerance,
    empty: 'undefined',
  });
  const classCount = 1 + Object.values(wanted)[0]!.length;
  const found = await createSurfaceMetric(options).evaluate({ ...pair, classCount });
  for (const [measure, numbers] of Object.entries(wanted)) {
    expect(found[measure]![0], measure).toBeNull();
    numbers.forEach((number, index) => {
      const value = found[measure]![index + 1]!;
      if (number === null) expect(value, measure).toBeNull();
      else
        expect(Math.abs(value - number) / Math.max(1, number), `${measure} of class ${index + 1}`).toBeLessThan(1e-6);
    });
  }
}

const combinations = TOOLS.flatMap((tool) => UNITS.map((unit) => [tool, unit] as const));

describe.each(expected.cases)('$name', ({ shape, spacing, values, ...labels }) => {
  const [prediction, reference] = [Uint8Array.from(labels.prediction), Uint8Array.from(labels.reference)];
  it.each(combinations)('equals %s in %s to 1e-6', (tool, unit) =>
    expectValues({ prediction, reference, shape, spacing }, values, tool, unit),
  );
});

/** What is at (z, y, x) comes from (z - 1, y - 2, x + 1). */
function shifted(labels: Uint8Array, [depth, height, width]: Index3): Uint8Array {
  const moved = new Uint8Array(labels.length);
  for (let z = 1; z < depth; z++) {
    for (let y = 2; y < height; y++) {
      const [to, from] = [(z * height + y) * width, ((z - 1) * height + y - 2) * width];
      moved.set(labels.subarray(from + 1, from + width), to);
    }
  }
  return moved;
}

for (const { name, file, labels, voxels, spacing, values } of expected.real) {
  const isThere = existsSync(file);
  const missing = isThere
    ? ''
    : ` (skipped: ${file} is not installed; apt-get install mricron-data insighttoolkit5-examples)`;
  describe.skipIf(!isThere)(`${name}${missing}`, async () => {
    if (!isThere) return;
    const { data, shape } = (await readNifti(file, { geometry: 'sform' })).volume;
    const reference = Uint8Array.from(data, (label) => labels.indexOf(label) + 1);
    const pair = { prediction: shifted(reference, shape), reference, shape, spacing };
    it('has the voxels that were measured', () => {
      expect(labels.map((_, index) => reference.filter((label) => label === index + 1).length)).toEqual(voxels);
    });
    it.each(combinations)('equals %s in %s to 1e-6', (tool, unit) => expectValues(pair, values, tool, unit));
  });
}

// Every voxel is surface. Forth: 0, 2, 4 mm; back: 0 mm.
const line = {
  prediction: Uint8Array.of(1, 1, 1),
  reference: Uint8Array.of(1, 0, 0),
  shape: [1, 1, 3],
  spacing: [1, 1, 2],
  classCount: 2,
} as const;

describe('a line of three voxels against its first one, spacing 2 mm', () => {
  it.each([
    // numpy.percentile([0, 0, 2, 4], 95) = 2 + 0.85 * 2; of [0, 2, 4] = 2 + 0.9 * 2.
    ['medpy', { asd: 2, assd: 1.5, hd95: 3.7, nsd: 3 / 4 }],
    ['monai', { asd: 2, assd: 1.5, hd95: 3.8, nsd: 3 / 4 }],
  ] as const)('gives the four measures by hand: %s', async (definition, wanted) => {
    const metric = createSurfaceMetric(optionsSchema.parse({ definition, tolerance: 2 }));
    const values = await metric.evaluate(line);
    for (const [measure, value] of Object.entries(wanted)) expect(values[measure]![1]).toBeCloseTo(value, 12);
  });
});

it('NSD names its tolerance, which decides what it means', () => {
  const titleOf = (options: object) =>
    createSurfaceMetric(optionsSchema.parse({ measures: ['nsd'], ...options })).columns[0]!.title;
  expect([titleOf({}), titleOf({ tolerance: 2, unit: 'voxel' })]).toEqual(['NSD at 1 mm', 'NSD at 2 voxel']);
});

describe('a class that one side or both lack', () => {
  // Class 1 only predicted, class 2 only present, class 3 on neither side. The diagonal: hypot(1, 1, 6) mm.
  const lacking = { ...line, reference: Uint8Array.of(2, 2, 2), classCount: 4 };
  const diagonal = Math.hypot(1, 1, 6);
  it.each([
    ['corrected', [diagonal, diagonal, 0], [0, 0, 1], [0, diagonal, 0], [1, 0, 1]],
    ['p1', [128, 128, 0], [0, 0, 1], [0, 128, 0], [1, 0, 1]],
    ['p2', [128, 128, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]],
    ['undefined', [null, null, null], [null, null, null], [null, null, null], [null, null, null]],
  ] as const)('has the values of the rule %s', async (empty, asd, nsd, asdOfNothing, nsdOfNothing) => {
    const metric = createSurfaceMetric(optionsSchema.parse({ measures: ['asd', 'nsd'], empty }));
    expect(metric.columns.map((column) => column.empty)).toEqual([empty, empty]);
    expect(await metric.evaluate(lacking)).toEqual({ asd: [null, ...asd], nsd: [null, ...nsd] });
    // Nothing at all is predicted: only class 2 is somewhere.
    const nothing = await metric.evaluate({ ...lacking, prediction: new Uint8Array(3) });
    expect(nothing).toEqual({ asd: [null, ...asdOfNothing], nsd: [null, ...nsdOfNothing] });
  });

  it('has a column for each rule that is asked for', () => {
    const options = { measures: ['asd'], unit: 'voxel', empty: ['p1', 'corrected'] };
    const common = { title: 'ASD', unit: 'voxel', better: 'lower', definition: 'medpy' };
    expect(createSurfaceMetric(optionsSchema.parse(options)).columns).toEqual([
      { name: 'asd', ...common, empty: 'p1' },
      { name: 'asd-corrected', ...common, empty: 'corrected' },
    ]);
  });
});

it('takes percentiles as numpy does', () => {
  expect(percentile([3], 95)).toBe(3);
  expect(percentile([4, 1, 3, 2], 50)).toBe(2.5);
  expect(surface().provides).toEqual(['metric:surface']);
});
