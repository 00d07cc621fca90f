import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dinomix, type Ended, temporaryFolder } from '../../test/harness.js';
import { main } from '../main.js';

const CONFIG = fileURLToPath(new URL('../../test/project/dinomix.config.ts', import.meta.url));
const END = 'executor.scripted.end';

/** Runs a command and presses Ctrl-C when the executor says that it is waiting. */
async function interrupted(args: readonly string[], folder: string): Promise<Ended> {
  const controller = new AbortController();
  const written = { out: '', err: '' };
  const write = (stream: 'out' | 'err') => (text: string) => {
    written[stream] += text;
    if (text.includes('waiting')) controller.abort();
  };
  const terminal = { out: write('out'), err: write('err'), isScreen: false, columns: () => 80 };
  const code = await main(args, { folder, terminal, signal: controller.signal });
  return { code, ...written };
}

describe('dinomix train', () => {
  it('runs the executor, writes how to resume, and stays quiet without a screen', async () => {
    const folder = temporaryFolder();
    const { code, out, err } = await dinomix(['train', '-c', CONFIG, '-o', 'run', '--seed', '7'], { folder });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`Completed; 3 min 20 s, at most 123.4 MB.\n${join(folder, 'run')}\n`);
    const spec = JSON.parse(readFileSync(join(folder, 'run', 'spec.json'), 'utf8'));
    expect(spec).toMatchObject({ configFile: CONFIG, overrides: ['--seed 7'], config: { seed: 7 } });
  });

  it('draws one line on a screen: losses, Dice of each class, time of a step, time left', async () => {
    const folder = temporaryFolder();
    let screen = '';
    const err = (text: string) => {
      screen += text;
    };
    const terminal = { out: () => undefined, err, isScreen: true, columns: () => 200 };
    await dinomix(['train', '-c', CONFIG, '-o', 'run'], { folder, terminal });
    const drawn = screen.split('\r\u001b[2K');
    expect(drawn.slice(1, 4)).toEqual([
      'epoch 1/1  step 1/3  loss 1.500 (dice-ce 1.250)  2000 ms  4 s left  dice% 50 -',
      'epoch 1/1  step 2/3  loss 1.250 (dice-ce 1.250)  2000 ms  2 s left  dice% 50 -',
      'epoch 1/1  step 3/3  loss 1.000 (dice-ce 1.250)  2000 ms  0 s left  dice% 50 -',
    ]);
    expect(screen.endsWith('\r\u001b[2K')).toBe(true);
  });

  it('writes events and outcome as lines of JSON', async () => {
    const folder = temporaryFolder();
    const { code, out } = await dinomix(['train', '-c', CONFIG, '-o', 'run', '--json'], { folder });
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines.map(({ type }) => type)).toEqual(['step', 'step', 'step', undefined]);
    expect(lines[3]).toMatchObject({ directory: join(folder, 'run'), outcome: { status: 'completed' } });
  });

  it('ends with 1 and the error of the run', async () => {
    const folder = temporaryFolder();
    const { code, err } = await dinomix(['train', '-c', CONFIG, '-o', 'run', '--set', `${END}=failed`], { folder });
    expect(code).toBe(1);
    expect(err).toBe(`DMX_TEST  s\n  why  w\n  fix  f\n  run  ${join(folder, 'run')}\n`);
  });

  it('ends with 130 after Ctrl-C, says how to resume, and resumes with the same config', async () => {
    const folder = temporaryFolder();
    const args = ['train', '-c', CONFIG, '-o', 'run', '--set', `${END}=waits`];
    const { code, out, err } = await interrupted(args, folder);
    expect(code).toBe(130);
    expect(err).toContain('Ctrl-C again leaves at once');
    expect(out).toContain(`To go on: npx dinomix resume ${join(folder, 'run')}`);
    const resumed = await interrupted(['resume', 'run', '--json'], folder);
    expect(resumed.code).toBe(130);
    // The scripted executor makes one step when it resumes.
    const types = resumed.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(types).toEqual(['step', 'warning', undefined]);
  });

  it('refuses a wrong override before anything is written', async () => {
    const folder = temporaryFolder();
    const { code, err } = await dinomix(['train', '-c', CONFIG, '-o', 'run', '--set', 'train.epoch=3'], { folder });
    expect(code).toBe(2);
    expect(err).toContain('Did you mean "epochs"?');
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });

  it('cannot resume a folder that is no run', async () => {
    const folder = temporaryFolder();
    const { code, err } = await dinomix(['resume', '.'], { folder });
    expect(code).toBe(2);
    expect(err).toContain('DMX_CLI_RUN_FOLDER');
    expect(err).toContain('spec.json');
  });
});

describe('dinomix data check', () => {
  it('lists every problem and ends with 1 where there is an error', async () => {
    const { code, out } = await dinomix(['data', 'check', '-c', CONFIG]);
    expect(code).toBe(1);
    expect(out).toContain('warning  a.nii (case a)\n  why  odd spacing\n  fix  look at it');
    expect(out).toContain('error  b.nii\n');
    expect(out).toContain('Listed: 1 error, 1 warning');
    const json = await dinomix(['data', 'check', '-c', CONFIG, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ errors: 1, warnings: 1, problems: [{}, { file: 'b.nii' }] });
    const clean = await dinomix(['data', 'check', '-c', CONFIG, '--set', 'dataset.listed.clean=true']);
    expect(clean).toEqual({ code: 0, out: 'Listed: 0 errors, 0 warnings\n', err: '' });
  });
});

describe('dinomix explain', () => {
  it('tells where values come from', async () => {
    const { code, out } = await dinomix(['explain', '-c', CONFIG, '--json', '--set', 'train.epochs=3']);
    expect(code).toBe(0);
    const { config, slots } = JSON.parse(out);
    expect(config).toContainEqual({ path: 'train.epochs', value: 3, origin: '--set train.epochs=3' });
    expect(slots).toContainEqual({ slot: 'student', id: 'net', plugin: 'parts 1.0.0', origin: 'only candidate' });
    expect(slots).toContainEqual(expect.objectContaining({ slot: 'optimizer', id: 'sgd', origin: 'built in' }));
  });
});
