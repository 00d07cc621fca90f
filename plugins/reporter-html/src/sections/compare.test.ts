import { describe, expect, it } from 'vitest';
import { at, caseOf, evaluation, record } from '../../test/events.js';
import { cells, read, textOf } from '../../test/page.js';
import { RunHistory } from '../history/history.js';
import { comparePage } from '../page/compare-page.js';
import { bestOf, labelled } from './compare.js';
import { configDifferences } from './config-differences.js';

function run(name: string, directory: string, hd95: readonly (number | null)[], mean: number, digest = 'd1ge57') {
  const history = new RunHistory(0);
  const base = record();
  const dataset = { ...base.dataset, fingerprint: { digest, cases: {} } };
  history.add(at({ type: 'run.start', record: { ...base, dataset, config: { ...base.config, name } } }));
  const dice = [null, 0.5, 0.5, 0.5];
  const means = { perClass: { dice, hd95 }, mean: { dice: 0.5, hd95: mean }, tail: { dice: 0.5, hd95: null } };
  history.add(evaluation([caseOf('t1', 'test', dice, hd95)], means));
  return { history, directory, notes: [] };
}

describe('the best of several values', () => {
  it('is the highest or the lowest, and none where all are alike or one is alone', () => {
    expect(bestOf([0.1, 0.3, null], 'higher')).toBe(0.3);
    expect(bestOf([4, undefined, 2], 'lower')).toBe(2);
    expect(bestOf([0.5, 0.5], 'higher')).toBeNull();
    expect(bestOf([0.5, null], 'higher')).toBeNull();
  });

  it('is not marked for means over different classes', () => {
    // The second run did not find the class b at all, and so has the smaller mean distance.
    const page = read(comparePage([run('a', '/r/a', [null, 4, 20, 3], 9), run('b', '/r/b', [null, 5, null, 3], 4)]));
    const hd95 = page.all('table', page.byId('results'))[1]!;
    expect(cells(hd95, page).map((row) => row.slice(1))).toEqual([
      ['a', 'b'],
      ['4.00', '5.00'],
      ['20.00', '–'],
      ['3.00', '3.00'],
      ['9.00', '4.00'],
      ['–', '–'],
    ]);
    expect(page.all('.best', hd95).map(textOf)).toEqual(['4.00']);
    expect(page.all('.best', page.byId('overview'))).toEqual([]);
  });
});

it('warns of runs on different data', () => {
  const page = read(comparePage([run('a', '/r/a', [null, 4, 5, 6], 5), run('b', '/r/b', [null, 4, 5, 6], 5, 'other')]));
  expect(page.all('.notice').map(textOf)).toContain(
    'The runs used different data, splits or preprocessing: their numbers cannot be compared.',
  );
});

it('tells runs of one name apart', () => {
  const runs = [run('same', '/x/seed0', [], 0), run('same', '/x/seed1', [], 0), run('other', '/y/seed0', [], 0)];
  expect(labelled(runs).map(({ label }) => label)).toEqual(['seed0 (1)', 'seed1', 'other']);
});

it('names the values at which configs differ', () => {
  const plugin = (id: string, options: Record<string, number>, active = true) => ({ id, options, active });
  const one = {
    seed: 0,
    train: { epochs: 5, patch: [1, 2] },
    plugins: [plugin('mixer:pic', { boxes: 1 }), plugin('x', {}, false)],
  };
  const two = { seed: 1, train: { epochs: 5, patch: [1, 2] }, plugins: [plugin('mixer:pic', { boxes: 2, sides: 3 })] };
  expect(configDifferences([one, two])).toEqual([
    ['options.mixer:pic.boxes', ['1', '2']],
    ['options.mixer:pic.sides', [undefined, '3']],
    ['seed', ['0', '1']],
  ]);
});
