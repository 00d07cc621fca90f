import { describe, expect, it } from 'vitest';
import { satisfies } from './semver.js';
import { CORE_VERSION } from './version.js';

const VERSIONS = ['0.0.3', '0.1.0', '0.1.9', '0.2.0', '1.0.0', '1.2.3', '1.9.9', '2.0.0'];

// Answers of the npm package semver 7.8.6: versions.filter((v) => semver.satisfies(v, range)).join(' ')
const ANSWERS: readonly (readonly [range: string, versions: string])[] = [
  ['^1.0.0', '1.0.0 1.2.3 1.9.9'],
  ['^1.2.0', '1.2.3 1.9.9'],
  ['^0.1.0', '0.1.0 0.1.9'],
  ['^0.0.3', '0.0.3'],
  ['^0', '0.0.3 0.1.0 0.1.9 0.2.0'],
  ['^1', '1.0.0 1.2.3 1.9.9'],
  ['~1.2', '1.2.3'],
  ['~1.2.3', '1.2.3'],
  ['~1', '1.0.0 1.2.3 1.9.9'],
  ['1.x', '1.0.0 1.2.3 1.9.9'],
  ['1', '1.0.0 1.2.3 1.9.9'],
  ['1.2', '1.2.3'],
  ['1.2.3', '1.2.3'],
  ['=1.2.3', '1.2.3'],
  ['*', '0.0.3 0.1.0 0.1.9 0.2.0 1.0.0 1.2.3 1.9.9 2.0.0'],
  ['>=1.0.0', '1.0.0 1.2.3 1.9.9 2.0.0'],
  ['>=0.1.0 <1.0.0', '0.1.0 0.1.9 0.2.0'],
  ['>1', '2.0.0'],
  ['>1.2', '1.9.9 2.0.0'],
  ['<=1', '0.0.3 0.1.0 0.1.9 0.2.0 1.0.0 1.2.3 1.9.9'],
  ['<=1.2', '0.0.3 0.1.0 0.1.9 0.2.0 1.0.0 1.2.3'],
  ['<2.0.0', '0.0.3 0.1.0 0.1.9 0.2.0 1.0.0 1.2.3 1.9.9'],
  ['>= 1.2.0', '1.2.3 1.9.9 2.0.0'],
  ['^0.1.0 || ^1.2.0', '0.1.0 0.1.9 1.2.3 1.9.9'],
  ['^1.0.0 || >=2', '1.0.0 1.2.3 1.9.9 2.0.0'],
];

describe('satisfies', () => {
  it.each(ANSWERS)('%s accepts %s', (range, accepted) => {
    expect(VERSIONS.filter((version) => satisfies(version, range)).join(' ')).toBe(accepted);
  });

  it('says null to what is no range or no version', () => {
    expect(satisfies('1.0.0', 'latest')).toBeNull();
    expect(satisfies('1.0.0', '')).toBeNull();
    expect(satisfies('one', '^1.0.0')).toBeNull();
  });

  it('accepts this core where a plugin asks for the first release', () => {
    expect(satisfies(CORE_VERSION, '^1.0.0')).toBe(true);
  });
});
