import type { RunEvent } from '@dinomix/core';
import { expect, it } from 'vitest';
import { at, caseOf, record, slice, step, wholeRun } from '../../test/events.js';
import { collapsedOf, labelledShares, methodOf, secondsOf, stateOf } from './facts.js';
import { RunHistory } from './history.js';
import { SliceChoice } from './slice-choice.js';

function historyOf(events: readonly RunEvent[], slices = 8): RunHistory {
  const history = new RunHistory(slices);
  for (const event of events) history.add(event);
  return history;
}

it('gathers what a run told', () => {
  const history = historyOf(wholeRun());
  expect(stateOf(history)).toBe('completed');
  expect(secondsOf(history)).toBe(75);
  expect(methodOf(history)).toBe('student vnet · teacher ema · mixer pic · loss dice-ce');
  expect(history.loss.points.map(({ y }) => y)).toEqual([4, 3, 2, 1]);
  // Background is left out: (0.5 + 0.25) / 2.
  expect(history.pseudoDice.get('vnet')!.last!.y).toBe(0.375);
  expect(history.targets.truth.total).toEqual([400, 80, 40, 8]);
  expect(history.reports.get('mixer:pic')!.get('drawn')!.total).toEqual([0, 4, 4, 8]);
  expect(history.validation.get('dice')!.classes[1]!.points).toEqual([
    { x: 0, y: 0.6 },
    { x: 1, y: 0.9 },
  ]);
  expect(labelledShares(history)).toEqual([0, 1000 / 1101, 100 / 1101, 1 / 1101]);
  expect(collapsedOf(history, history.test!)!.map(({ name }) => name)).toEqual(['c']);
});

it('replaces the steps that a resumed run makes again', () => {
  const lost = step(2, { loss: 99, targetVoxels: { truth: [1, 1, 1, 1], pseudo: [0, 0, 0, 0] } });
  const resumed = at({ type: 'run.start', record: record() });
  const history = historyOf([resumed, step(0), step(1), lost, resumed, step(2)]);
  expect(history.loss.points.map(({ y }) => y)).toEqual([4, 3, 2]);
  expect(history.targets.truth.total).toEqual([300, 60, 30, 6]);
  expect(history.starts).toBe(2);
});

it('keeps the slices of the worst and the best cases', () => {
  const choice = new SliceChoice(3);
  const scores = [0.5, 0.9, 0.1, 0.6, 0.95, 0.4, 0.05];
  scores.forEach((score, index) => {
    const event = slice(`case ${index}`);
    if (event.type === 'slice') choice.add(event.slice);
    choice.score(`case ${index}`, score);
  });
  const kept = choice.slices.map(({ score }) => score);
  expect(kept).toHaveLength(3);
  expect(kept[0]).toBe(0.05);
  expect(kept.at(-1)).toBe(0.95);
});

it('takes the score of a case that was known before its slice', () => {
  const history = historyOf([
    at({ type: 'run.start', record: record() }),
    at({ type: 'case', result: caseOf('t1', 'test', [null, 0.5, null, 0.25]) }),
    slice('t1'),
  ]);
  expect(history.slices.slices).toMatchObject([{ score: 0.375, slice: { caseId: 't1' } }]);
});
