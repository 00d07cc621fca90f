import type { DataProblem } from '@dinomix/core';
import { expect, test } from 'vitest';
import { errorOf, warningOf } from '../check/problems.js';
import { publishedSplitProblems } from '../splits/published-split.js';
import { withoutAbsentCases } from './absent-cases.js';

const SPLITS = { labelled: ['a', 'b'], unlabelled: ['c'], validation: ['d'], test: ['e', 'f'] };
const filesOf = (id: string, label: string | null) => ({ id, image: `/i/${id}`, label, isTest: false });
// b has no label, e and f have no image.
const CASES = [filesOf('a', '/l/a'), filesOf('b', null), filesOf('c', null), filesOf('d', '/l/d')];
const listed = publishedSplitProblems('p', SPLITS, CASES, '/data');
const without = (problems: readonly DataProblem[]) => withoutAbsentCases(SPLITS, problems, '/data');

test('cases without image or label go, each with the problem that is its own', () => {
  const lonely = (id: string) =>
    errorOf({ file: `/l/${id}`, caseId: id, message: 'is alone', fix: 'add it', absent: [id] });
  const warning = warningOf({ file: '/data', message: 'is slow', fix: 'wait' });
  const { splits, absent } = without([lonely('f'), lonely('z'), warning, ...listed]);
  expect(splits).toEqual({ labelled: ['a'], unlabelled: ['c'], validation: ['d'], test: [] });
  const fix = 'fetch the missing files, or draw a split of the cases at hand (option split: "drawn")';
  expect(absent).toEqual([
    { caseId: 'f', role: 'test', file: '/l/f', message: 'is alone', fix: 'add it' },
    { caseId: 'z', role: null, file: '/l/z', message: 'is alone', fix: 'add it' },
    {
      caseId: 'b',
      role: 'labelled',
      file: '/i/b',
      message: 'case "b" is labelled in the split "p" and has no label file',
      fix: 'fetch its label',
    },
    { caseId: 'e', role: 'test', file: '/data', message: 'has no image of the case "e" (test)', fix },
  ]);
});

test('any other error is thrown, without those that leave cases out', () => {
  const twice = errorOf({ file: '/s', caseId: 'a', message: 'is in two parts', fix: 'keep one' });
  expect(() => without([twice, ...listed])).toThrow(
    expect.objectContaining({ code: 'DMX_DATASET_UNUSABLE', why: 'is in two parts', problems: [] }),
  );
});

test('a labelled part of which nothing is left is an error that names what was missing', () => {
  const gone = errorOf({ file: '/data', message: 'lacks two', fix: 'fetch them', absent: ['a', 'b'] });
  expect(() => without([gone])).toThrow(/lacks two[\s\S]*no case is in the part "labelled"/);
});
