import type { RunEvent } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { at, CLASSES, record, slice, step, wholeRun } from '../../test/events.js';
import { attribute, cells, type Page, read, textOf } from '../../test/page.js';
import { RunHistory } from '../history/history.js';
import { runPage } from './run-page.js';

function textFrom(events: readonly RunEvent[], refresh = 0): string {
  const history = new RunHistory(8);
  for (const event of events) history.add(event);
  return runPage(history, { notes: [], live: true, refresh, pages: [] });
}

const pageOf = (events: readonly RunEvent[], refresh = 0): Page => read(textFrom(events, refresh));

/** Label and value of the tiles of the headline. */
function tilesOf(page: Page): Readonly<Record<string, string>> {
  const entries = page.all('.tile').map((tile) => page.all('span', tile).concat(page.all('strong', tile)).map(textOf));
  return Object.fromEntries(entries);
}

const sections = (page: Page) => page.all('section').map((one) => attribute(one, 'id'));

describe('the page of a run', () => {
  it('shows the result at a glance', () => {
    const page = pageOf(wholeRun());
    expect(textOf(page.all('h1')[0]!)).toBe('trial completed');
    expect(tilesOf(page)).toMatchObject({
      'mean Dice': '0.333',
      'tail Dice': '0.000',
      collapsed: '1 of 3',
      'mean HD95': '6.50',
      epochs: '2 of 2',
      time: '1 min 15 s',
      engine: 'cpu',
    });
  });

  it('has the test table with the tail marked', () => {
    const page = pageOf(wholeRun());
    const [table] = page.all('table', page.byId('results'));
    // 1000, 100 and 1 of 1101 labelled voxels.
    expect(cells(table!, page)).toEqual([
      ['class', 'share', 'Dice', 'HD95 mm'],
      ['a', '91 %', '0.700', '4.00'],
      ['b', '9.1 %', '0.300', '–'],
      ['c ◆', '0.091 %', '0.000', '9.00'],
      ['mean', '', '0.333', '6.50'],
      ['mean of the tail ◆', '', '0.000', '9.00'],
    ]);
    const rows = page.all('tr', table).map((row) => attribute(row, 'class'));
    expect(rows).toEqual([undefined, undefined, undefined, 'tail', 'mean', 'mean']);
    expect(page.all('.collapsed').map(textOf)).toEqual(['0.000']);
    expect(textOf(page.byId('results')!)).toContain('HD95, as monai defines it, rule "p1" for missing classes.');
  });

  it('draws losses, validation, curriculum, slices and time', () => {
    const page = pageOf(wholeRun());
    expect(sections(page)).toEqual([
      'results',
      'slices',
      'losses',
      'validation',
      'curriculum',
      'time',
      'inference',
      'data',
      'run',
    ]);
    const figures = page.all('figcaption').map(textOf);
    expect(figures).toContain('dice-ce weight 1 1');
    expect(figures).toContain('planned, labelled');
    expect(figures).toContain('t1 axial slice 5 · mean Dice 0.400');
    // Planned shares of 0.2, 0.3 and 0.5; c is the tail.
    expect(textOf(page.byId('curriculum')!)).toContain('c: 50 % at the start, 50 % at the end');
    const pictures = page.all('img').map((one) => attribute(one, 'src'));
    // Image alone, and under truth, prediction and differences, for two cases.
    expect(pictures).toHaveLength(2 * 7);
    expect(textOf(page.all('.command')[0]!)).toBe('dinomix predict image.nii.gz --run "/runs/first"');
  });

  it('shows the class weights of a weighter', () => {
    const classWeights = { vnet: [1, 0.5, 2, 7.25] };
    const page = pageOf([
      at({ type: 'run.start', record: record() }),
      step(0, { classWeights }),
      step(1, { classWeights }),
    ]);
    expect(page.all('h3').map(textOf)).toContain('Class weights');
    expect(page.all('title').map(textOf)).toContain('c, 0.5: 7.25');
  });

  it('fetches nothing and runs no script', () => {
    const page = pageOf(wholeRun());
    expect(page.all('script')).toEqual([]);
    expect(page.all('link')).toEqual([]);
    for (const tag of ['img', 'a', 'iframe', 'object', 'use', 'image']) {
      for (const element of page.all(tag)) {
        const address = attribute(element, 'src') ?? attribute(element, 'href') ?? '';
        expect(address).toMatch(/^(data:image\/png;base64,|#)/);
      }
    }
    expect(textFrom(wholeRun())).not.toMatch(/@import|url\(|https?:/);
  });

  it('says wherever results are that the teacher is a control', () => {
    const line = 'teacher: random control weights, not DINOv3';
    const page = pageOf(wholeRun({ teachers: { dinov3: line } }));
    expect(textOf(page.all('header')[0]!)).toContain(line);
    for (const id of ['results', 'slices', 'validation']) expect(textOf(page.byId(id)!)).toContain(line);
    expect(pageOf(wholeRun()).all('.notice')).toEqual([]);
  });

  it('escapes whatever comes from data', () => {
    const evil = `"><script>alert('x')</script><img src=x onerror="y">&`;
    const classes = CLASSES.map((one) => (one.index === 3 ? { ...one, name: evil } : one));
    const base = record();
    const events = wholeRun({
      config: { ...base.config, name: evil, [evil]: evil, use: { student: [evil], loss: { [evil]: {} } } },
      run: { ...base.run, id: evil, directory: evil },
      teachers: { [evil]: evil },
      packages: { [evil]: evil },
      licences: { [evil]: evil },
      backend: { name: evil, device: evil, facts: { [evil]: evil } },
      predictCommand: evil,
      dataset: {
        ...base.dataset,
        title: evil,
        classes,
        splits: { labelled: [evil], unlabelled: [evil], validation: [evil], test: [evil] },
      },
    });
    const extra = [
      step(4, {
        terms: { [evil]: { value: 1, weight: 1, parts: {} } },
        reports: {
          [evil]: { [evil]: { unit: 'count', values: [0, 1, 2, 3] } },
          [`loss:${evil}`]: { [evil]: { unit: 'value', values: [1] } },
        },
        pseudoDice: { [evil]: [0, 1, 1, 1], other: [0, 1, 1, 1] },
      }),
      at({ type: 'warning', message: evil, plugin: evil }),
      slice(evil),
    ];
    const text = textFrom([...events.slice(0, -1), ...extra, events.at(-1)!]);
    const page = read(text);
    expect(text).not.toContain('<script');
    expect(text).not.toContain('<img src=x');
    expect(page.all('script')).toEqual([]);
    const handlers = page.all('*').flatMap(({ attrs }) => attrs.filter(({ name }) => name.startsWith('on')));
    expect(handlers).toEqual([]);
    expect(textOf(page.all('h1')[0]!)).toContain(evil);
    expect(textOf(page.byId('slices')!)).toContain(evil);
    expect(textOf(page.byId('warnings')!)).toContain(`${evil}: ${evil}`);
  });
});

describe('the page of a run that is not whole', () => {
  it('says that a run goes on, and loads itself again where asked to', () => {
    const page = pageOf(wholeRun().slice(0, 6), 30);
    expect(textOf(page.all('h1')[0]!)).toBe('trial running');
    expect(attribute(page.all('progress')[0]!, 'value')).toBe('3');
    expect(textOf(page.all('h2')[0]!)).toBe('Validation results so far (1 case)');
    const refresh = page.all('meta').find((one) => attribute(one, 'http-equiv') === 'refresh');
    expect(attribute(refresh!, 'content')).toBe('30');
    expect(textFrom(wholeRun(), 30)).not.toContain('http-equiv="refresh"');
  });

  it('has neither validation, test, pseudo-labels nor mixer', () => {
    const bare = { pseudoDice: {}, reports: {}, targetVoxels: { truth: [10, 2, 1, 1], pseudo: [0, 0, 0, 0] } };
    const page = pageOf([at({ type: 'run.start', record: record() }), step(0, bare), step(1, bare)]);
    expect(sections(page)).toEqual(['losses', 'curriculum', 'time', 'inference', 'data', 'run']);
    expect(textOf(page.all('header')[0]!)).toContain('Nothing was evaluated yet.');
    expect(textOf(page.byId('curriculum')!)).not.toContain('pseudo-labels seen');
  });

  it('tells why a run failed', () => {
    const error = { code: 'DMX_LOSS_NOT_FINITE', summary: 'The loss is NaN', why: 'case <u1>', fix: 'lower the rate' };
    const outcome = {
      status: 'failed' as const,
      reason: 'r',
      position: null,
      error,
      seconds: 3,
      peakMb: 100,
      fallbackKernels: {},
    };
    const page = pageOf([at({ type: 'run.start', record: record() }), step(0), at({ type: 'run.end', outcome })]);
    expect(textOf(page.all('.failure')[0]!)).toBe('DMX_LOSS_NOT_FINITEThe loss is NaNcase <u1>lower the rate');
    const empty = pageOf([at({ type: 'run.end', outcome })]);
    expect(textOf(empty.all('h1')[0]!)).toBe('run failed');
  });

  it('stays small for a long run with many classes', () => {
    const many = Array.from({ length: 17 }, (_, index) => ({
      index,
      name: `class ${index}`,
      colour: [index, 0, 0] as const,
      tail: index > 12,
    }));
    const history = new RunHistory(8);
    const { dataset } = record();
    const splits = { ...dataset.splits, unlabelled: Array.from({ length: 5000 }, (_, index) => `case-${index}`) };
    const voxels = many.map(({ index }) => 10 ** (6 - index / 4));
    history.add(
      at({
        type: 'run.start',
        record: record({ dataset: { ...dataset, classes: many, labelledVoxels: voxels, splits } }),
      }),
    );
    const values = (epoch: number) => many.map(({ index }) => (index === 0 ? null : Math.abs(Math.sin(epoch * index))));
    for (let epoch = 0; epoch < 3000; epoch++) {
      for (let stepInEpoch = 0; stepInEpoch < 4; stepInEpoch++) {
        const event = step(0, {
          position: { epoch, step: 4 * epoch + stepInEpoch, stepInEpoch, epochs: 3000, stepsPerEpoch: 4 },
          loss: Math.random(),
          pseudoDice: { vnet: values(epoch) },
          targetVoxels: { truth: voxels, pseudo: voxels },
          reports: {
            'mixer:pic': {
              plannedLabelled: { unit: 'share', values: voxels },
              drawn: { unit: 'count', values: voxels },
            },
          },
        });
        history.add(event);
      }
      const dice = values(epoch);
      const mean = { dice: 0.5 };
      const columns = [{ name: 'dice', title: 'Dice', unit: 'ratio' as const, better: 'higher' as const }];
      const report = {
        role: 'validation' as const,
        columns,
        cases: [],
        perClass: { dice },
        mean,
        tail: mean,
        weights: 'ema',
      };
      history.add(at({ type: 'evaluation', report }));
    }
    const text = runPage(history, { notes: [], live: false, refresh: 0, pages: [] });
    expect(text.length).toBeLessThan(1_500_000);
    read(text);
  });
});
