import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dmxError, ERROR_CODES, throwProblems } from './codes.js';
import { DmxError, errorFromJson, isDmxError, reasonOf } from './dmx-error.js';

const source = fileURLToPath(new URL('..', import.meta.url));
const tests = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.endsWith('codes.test.ts'))
  .map((file) => readFileSync(join(source, file), 'utf8'))
  .join('\n');

describe('error codes', () => {
  it.each(Object.keys(ERROR_CODES))('%s is provoked by a test', (code) => {
    expect(tests.includes(code)).toBe(true);
  });
});

describe('DmxError', () => {
  const cause = new TypeError("Cannot read properties of undefined (reading 'box')");
  const details = {
    plugin: '@x/bcp 1.2.0',
    hook: 'mixer.plan',
    place: ' (run r-81f0, epoch 3, step 120)',
    reason: cause.message,
  };
  const error = dmxError('DMX_HOOK_FAILED', details, {
    plugin: details.plugin,
    hook: details.hook,
    epoch: 3,
    step: 120,
    cause,
  });

  it('says what, why and how to put it right', () => {
    expect(error.message.split('\n')).toEqual([
      'DMX_HOOK_FAILED  @x/bcp 1.2.0 failed in mixer.plan (run r-81f0, epoch 3, step 120)',
      "  why  Cannot read properties of undefined (reading 'box')",
      '  fix  Correct the plugin or its options, or leave the plugin out.',
    ]);
  });

  it('keeps the cause and becomes JSON', () => {
    expect(error.cause).toBe(cause);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      code: 'DMX_HOOK_FAILED',
      plugin: '@x/bcp 1.2.0',
      hook: 'mixer.plan',
      epoch: 3,
      step: 120,
      cause: cause.message,
    });
  });

  it('is made again from its JSON, with the problems behind it', () => {
    const several = new DmxError({ code: 'DMX_SEVERAL', summary: 's', why: 'w', fix: 'f', problems: [error, error] });
    const again = errorFromJson(JSON.parse(JSON.stringify(several)));
    expect(again.message).toBe(several.message);
    expect(again.problems.map(({ code, fix }) => [code, fix])).toEqual([
      ['DMX_HOOK_FAILED', error.fix],
      ['DMX_HOOK_FAILED', error.fix],
    ]);
  });

  it('is recognised by its code when another copy of core made it', () => {
    const foreign = Object.assign(new Error('m'), { name: 'DmxError', code: 'DMX_STATE' });
    expect(foreign).not.toBeInstanceOf(DmxError);
    expect([isDmxError(foreign), isDmxError(new Error('DMX_STATE')), isDmxError(null)]).toEqual([true, false, false]);
  });

  it('names the reason of anything thrown', () => {
    expect(reasonOf(new RangeError(''))).toBe('RangeError');
    const refused = z.object({ step: z.int(), run: z.object({ id: z.string() }) }).safeParse({ step: 0.5, run: {} });
    expect(reasonOf(refused.error)).toBe(
      'step: Invalid input: expected int, received number; run.id: Invalid input: expected string, received undefined',
    );
    expect(reasonOf('no')).toBe('a value that is not an Error was thrown: no');
    expect(reasonOf(error)).toBe(`${error.summary}: ${error.why}`);
    const schema = z.object({ run: z.object({ seed: z.number() }), a: z.string(), b: z.string(), c: z.string() });
    expect(reasonOf(schema.safeParse({ run: { seed: 'x' } }).error)).toBe(
      'run.seed: Invalid input: expected number, received string; a: Invalid input: expected string, received undefined; ' +
        'b: Invalid input: expected string, received undefined; and 1 more',
    );
  });

  it('shows control characters of names escaped, and keeps its own lines', () => {
    const named = new DmxError({
      code: 'DMX_X',
      summary: 'class "\u001b[2J\nliver"',
      why: 'a\u0007\nb',
      fix: 'c\u009b',
    });
    expect(named.message).toBe(
      ['DMX_X  class "\\u001b[2J\\nliver"', '  why  a\\u0007', '       b', '  fix  c\\u009b'].join('\n'),
    );
  });
});

describe('throwProblems', () => {
  const problem = (slot: string): DmxError => dmxError('DMX_USE_NONE', { slot }, { slot });

  it('throws nothing, the one problem itself, or one error with all', () => {
    expect(() => throwProblems([], 'use')).not.toThrow();
    const single = problem('loss');
    expect(() => throwProblems([single], 'use')).toThrow(single);
    try {
      throwProblems([problem('loss'), problem('student')], 'use');
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'DMX_SEVERAL', phase: 'use' });
      expect((thrown as DmxError).problems.map((one) => one.slot)).toEqual(['loss', 'student']);
      expect((thrown as DmxError).message).toContain('Nothing fills the slot "student"');
    }
  });
});
