import { describe, expect, it } from 'vitest';
import { parseOverride } from './override.js';

const refused = (text: string, code: string, fix?: string) =>
  expect(() => parseOverride(text)).toThrowError(
    expect.objectContaining(fix === undefined ? { code } : { code, fix: expect.stringContaining(fix) }),
  );

describe('parseOverride', () => {
  it.each([
    ['--set train.epochs=3', ['train', 'epochs'], 3],
    ['--set train.patch=[32,64,64]', ['train', 'patch'], [32, 64, 64]],
    ['--set train.patience=null', ['train', 'patience'], null],
    ['--set name=tail-heavy', ['name'], 'tail-heavy'],
    ['--set name=a=b', ['name'], 'a=b'],
    ['--seed 7', ['seed'], 7],
    ['--seed=7', ['seed'], 7],
  ])('reads the setting %s', (text, path, value) => {
    expect(parseOverride(text)).toEqual({ kind: 'setting', text, path, value });
  });

  it('reads options of plugins', () => {
    const text = '--set mixer.pic.curriculum.shape=linear';
    expect(parseOverride(text)).toEqual({
      kind: 'option',
      text,
      slot: 'mixer',
      id: 'pic',
      path: ['curriculum', 'shape'],
      value: 'linear',
    });
  });

  it('reads what to use', () => {
    const read = (text: string) => parseOverride(text);
    expect(read('--use mixer=cutmix')).toMatchObject({ kind: 'use', slot: 'mixer', value: ['cutmix'] });
    expect(read('--use mixer=pic, cutmix')).toMatchObject({ value: ['pic', 'cutmix'] });
    expect(read('--use mixer=false')).toMatchObject({ value: false });
    expect(read('--use loss=dice-ce,fkd:0.1')).toMatchObject({ value: { 'dice-ce': 1, fkd: 0.1 } });
    expect(read('--set use.mixer=pic')).toMatchObject({ kind: 'use', slot: 'mixer', value: ['pic'] });
    expect(read('--set use.loss.fkd=0.1')).toMatchObject({ kind: 'loss', id: 'fkd', path: [], value: 0.1 });
    expect(read('--set use.loss.fkd.ramp=linear')).toMatchObject({
      kind: 'loss',
      id: 'fkd',
      path: ['ramp'],
      value: 'linear',
    });
    expect(read('--off mixer')).toMatchObject({ kind: 'off', slot: 'mixer', id: null });
    expect(read('--off loss.fkd')).toMatchObject({ kind: 'off', slot: 'loss', id: 'fkd' });
  });

  it('names what it expected: DMX_OVERRIDE_SYNTAX', () => {
    for (const text of [
      '--set train.epochs',
      '--set =3',
      '--set a..b=1',
      '--use mixer',
      '--off',
      '--off a.b.c',
      '--sed 3',
      'seed=3',
    ]) {
      refused(text, 'DMX_OVERRIDE_SYNTAX');
    }
    refused('--use loss=fkd:heavy', 'DMX_OVERRIDE_SYNTAX');
  });

  it('names the nearest of an unknown path or slot: DMX_OVERRIDE_PATH, DMX_USE_SLOT', () => {
    refused('--set trian.epochs=3', 'DMX_OVERRIDE_PATH', '"train"');
    refused('--use mixr=pic', 'DMX_USE_SLOT', '"mixer"');
    refused('--off techer', 'DMX_USE_SLOT', '"teacher"');
  });
});
