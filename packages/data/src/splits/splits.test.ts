import { describe, expect, test } from 'vitest';
import type { CaseFiles } from '../layouts/case-files.js';
import { drawSplits, emptyParts, patientOf, readSplits, type SplitOptions } from './splits.js';

function casesOf(ids: readonly string[], { without = [], test = [] }: { without?: string[]; test?: string[] } = {}) {
  return ids.map((id): CaseFiles => {
    const label = without.includes(id) ? null : `/labels/${id}`;
    return { id, image: `/images/${id}`, label, isTest: test.includes(id) };
  });
}

const options = (more: Partial<SplitOptions> = {}): SplitOptions => ({
  root: '/data',
  seed: 0,
  labelled: null,
  validation: 0.15,
  test: null,
  unlabelled: [],
  patient: null,
  fold: 0,
  ...more,
});
const twenty = Array.from({ length: 20 }, (_, index) => `case${String(index).padStart(2, '0')}`);

describe('a drawn split', () => {
  test('has the asked sizes: 3 of 20 validate, 4 test, a quarter of the 13 others keep their label', () => {
    const { splits } = drawSplits(casesOf(twenty), options({ labelled: 0.25 }));
    expect(Object.values(splits).map((ids) => ids.length)).toEqual([3, 10, 3, 4]);
    expect(Object.values(splits).flat().sort()).toEqual(twenty);
  });

  test('depends on the seed alone', () => {
    const draw = (seed: number) => drawSplits(casesOf(twenty), options({ seed })).splits;
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
    expect(drawSplits([...casesOf(twenty)].reverse(), options({ seed: 3 })).splits).toEqual(draw(3));
  });

  test('tests on imagesTs and takes no training case for it', () => {
    const { splits } = drawSplits(casesOf(twenty, { test: ['case18', 'case19'] }), options());
    expect(splits.test).toEqual(['case18', 'case19']);
    expect(splits.labelled.length + splits.validation.length).toBe(18);
  });

  test('keeps a patient in one part, and leaves out unlabelled images of those held back', () => {
    const ids = Array.from({ length: 12 }, (_, patient) => [`p${patient}_1`, `p${patient}_2`, `p${patient}_3`]).flat();
    const without = ids.filter((id) => id.endsWith('_3'));
    const patient = '^(p\\d+)_';
    for (let seed = 0; seed < 20; seed++) {
      const { splits } = drawSplits(casesOf(ids, { without }), options({ patient, seed, labelled: 5 }));
      const part = (...roles: (keyof typeof splits)[]) =>
        new Set(roles.flatMap((role) => splits[role].map((id) => patientOf(id, patient))));
      const [training, validation, testing] = [part('labelled', 'unlabelled'), part('validation'), part('test')];
      expect(training.size + validation.size + testing.size).toBe(12);
      for (const one of validation) expect(training.has(one) || testing.has(one)).toBe(false);
      for (const one of testing) expect(training.has(one)).toBe(false);
      expect(splits.labelled).toHaveLength(5);
    }
  });

  test('a case without a label, or listed as such, trains without it', () => {
    const without = ['case03'];
    const given = options({ unlabelled: ['case07', 'nowhere'], validation: 0, test: 0 });
    const { splits, problems } = drawSplits(casesOf(twenty, { without }), given);
    expect(splits.unlabelled).toEqual(['case03', 'case07']);
    expect(splits.labelled).toHaveLength(18);
    expect(problems.map(({ message }) => message)).toEqual(['option "unlabelled" lists the unknown case "nowhere"']);
  });

  test('the last patient stays for training', () => {
    const { splits } = drawSplits(casesOf(['a', 'b']), options());
    expect(Object.values(splits).map((ids) => ids.length)).toEqual([1, 0, 0, 1]);
  });
});

describe('a split file', () => {
  const cases = casesOf(['a', 'b', 'c', 'd', 'e'], { without: ['d'], test: ['e'] });
  const read = (content: unknown, more: Partial<SplitOptions> = {}) =>
    readSplits(content, '/data/split.json', cases, options(more));

  test('names the parts; what it leaves open follows from the files', () => {
    const { splits, problems } = read({ labelled: ['b', 'a'], validation: ['c'] });
    expect(splits).toEqual({ labelled: ['a', 'b'], unlabelled: ['d'], validation: ['c'], test: ['e'] });
    expect(problems).toEqual([]);
  });

  test("nnU-Net's folds: training cases without a label are unlabelled", () => {
    const folds = [
      { train: ['a', 'b', 'd'], val: ['c'] },
      { train: ['c', 'b', 'd'], val: ['a'] },
    ];
    expect(read(folds).splits).toEqual({ labelled: ['a', 'b'], unlabelled: ['d'], validation: ['c'], test: ['e'] });
    expect(read(folds, { fold: 1 }).splits.validation).toEqual(['a']);
    expect(read(folds, { fold: 2 }).problems[0]!.message).toBe('has 2 folds, fold 2 is not there');
  });

  test('the option unlabelled moves a case', () => {
    expect(read({ labelled: ['a', 'b'], validation: ['c'] }, { unlabelled: ['b'] }).splits).toMatchObject({
      labelled: ['a'],
      unlabelled: ['b', 'd'],
    });
  });

  test('all mistakes are named', () => {
    const messages = read({
      labelled: ['a', 'd', 'x'],
      unlabelled: ['a'],
      validation: ['b'],
      test: ['b'],
    }).problems.map(({ message }) => message);
    expect(messages).toEqual([
      '"d" (labelled) has no label file',
      'lists the unknown case "x" (labelled)',
      '"a" is in "labelled" and in "unlabelled"',
      '"b" is in "validation" and in "test"',
    ]);
    expect(read({ labeled: ['a'] }).problems[0]!.message).toBe('has the wrong entries "labeled"');
    expect(read('a').problems).toHaveLength(1);
    expect(read([{ train: ['a'] }]).problems[0]!.message).toContain('"val"');
  });

  test('one patient in two parts', () => {
    const { problems } = readSplits(
      { labelled: ['p1_a'], validation: ['p1_b'], test: [] },
      '/s.json',
      casesOf(['p1_a', 'p1_b']),
      options({ patient: '^(p\\d)' }),
    );
    expect(problems.map(({ message }) => message)).toEqual([
      'patient "p1" is in two parts: "p1_a" and "p1_b" (validation)',
    ]);
  });
});

test('an empty labelled part is an error, the others are warnings', () => {
  const found = emptyParts({ labelled: [], unlabelled: ['a'], validation: [], test: [] }, '/data');
  expect(found.map(({ severity, message }) => [severity, message])).toEqual([
    ['error', 'no case is in the part "labelled"'],
    ['warning', 'no case is in the part "validation"'],
    ['warning', 'no case is in the part "test"'],
  ]);
});
