import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dinomix, projectOf, temporaryFolder } from '../test/harness.js';
import { failureToText } from './failure.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

describe('the command line', () => {
  it('shows help and version and ends with 0', async () => {
    const help = await dinomix(['--help']);
    expect(help.code).toBe(0);
    expect(help.out).toContain('Usage: dinomix');
    expect(await dinomix(['--version'])).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' });
  });

  it.each([
    [['doctro'], 'Did you mean doctor?'],
    [['doctor', '--jsn'], 'Did you mean --json?'],
    [['doctor', 'extra'], 'too many arguments'],
    [['predict'], "missing required argument 'input'"],
    [['data', 'phantom'], "required option '-o, --out <folder>' not specified"],
    [['data', 'phantom', '-o', 'x', '--layout', 'bids'], 'Allowed choices are synapse, amos, nnunet'],
    [['data', 'phantom', '-o', 'x', '--cases', '-3'], 'Expected a positive whole number'],
    [['teacher', 'convert', 'x', '-o', 'y', '--precision', 'int8'], 'Allowed choices are float32, float16'],
    [['predict', 'x.nii', '--stride', '4,4'], 'Expected three positive whole numbers d,h,w'],
    [['predict', 'x.nii', '--overlap', '1'], 'Expected a share from 0 to below 1'],
    [['predict', 'x.nii', '--mirror', 'zw'], 'Expected letters of z, y and x'],
  ])('ends %j with 2 and says why', async (args, message) => {
    const { code, out, err } = await dinomix(args);
    expect(err).toContain(message);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  it('ends with 2 where there is no config, in lines and in JSON, without a stack', async () => {
    const folder = temporaryFolder();
    const lines = await dinomix(['explain'], { folder });
    expect(lines.code).toBe(2);
    expect(lines.err).toMatch(/^DMX_CONFIG_NOT_FOUND {2}No config file found\n {2}why .*\n {2}fix .*dinomix init/);
    expect(lines.err).not.toContain('    at ');
    const json = await dinomix(['explain', '--json'], { folder });
    expect(json.code).toBe(2);
    expect(json.err).toBe('');
    expect(JSON.parse(json.out).error.code).toBe('DMX_CONFIG_NOT_FOUND');
    expect((await dinomix(['explain', '--verbose'], { folder })).err).toContain('    at ');
  });

  it('tells once of an error that is among its own causes', () => {
    const [outer, inner] = [new Error('outer'), new Error('inner')];
    outer.cause = inner;
    inner.cause = outer;
    const text = failureToText(outer, true);
    expect(text).toContain('caused by Error: inner');
    expect(text.match(/Error: outer/g)).toHaveLength(1);
    const own = new AggregateError([], 'several');
    own.errors.push(own);
    expect(failureToText(own, true)).toContain('caused by (an error above)');
  });

  it('shows control characters of arguments and files escaped, in lines and in JSON', async () => {
    const folder = temporaryFolder();
    const name = 'x\u001b[2J\u009b\ny';
    const lines = await dinomix(['predict', name, '--network', 'n.onnx'], { folder });
    expect(lines.err).toContain(String.raw`x\u001b[2J\u009b\ny`);
    expect(lines.err).not.toMatch(/(?!\n)\p{Cc}/u);
    expect((await dinomix([name], { folder })).err).toContain(String.raw`x\u001b[2J\u009b`);
    const json = await dinomix(['predict', name, '--network', 'n.onnx', '--json'], { folder });
    expect(json.out).not.toMatch(/\p{Cc}(?!$)/u);
    expect(JSON.parse(json.out).error.summary).toContain(name);
  });

  it('keeps overrides in the order of the command line', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'dinomix.config.mjs'), 'export default { name: "x" };');
    const args = ['explain', '--json', '--off', 'mixer', '--set', 'seeds=1', '--use', 'mixer=a'];
    const { code, out } = await dinomix(args, { folder });
    expect(code).toBe(2);
    expect(JSON.parse(out).error).toMatchObject({
      code: 'DMX_OVERRIDE_PATH',
      summary: expect.stringContaining('--set'),
    });
  });

  it('ends with 130 when interrupted', async () => {
    const folder = temporaryFolder();
    const controller = new AbortController();
    const load = async () => ({
      writePhantomDataset: async ({ signal }: { signal: AbortSignal }) => {
        controller.abort();
        signal.throwIfAborted();
      },
    });
    const packages = projectOf(folder, { '@dinomix/dataset-phantom': { provides: ['dataset:phantom'], load } });
    const surroundings = { folder, packages, signal: controller.signal };
    const { code, err } = await dinomix(['data', 'phantom', '-o', 'x'], surroundings);
    expect({ code, err }).toEqual({ code: 130, err: 'dinomix: interrupted\n' });
  });
});

describe('dinomix teacher convert', () => {
  it('hands paths, precision and blocks to the package of the teacher and says what was written', async () => {
    const folder = temporaryFolder();
    const requests: unknown[] = [];
    const load = async () => ({
      convertWeights: async ({ signal: _, ...request }: { signal: AbortSignal }) => {
        requests.push(request);
        const sizes = { channels: 384, blocks: 12, heads: 6, gated: true, patch: 16, registers: 4 };
        return { ...sizes, files: ['s.onnx'], bytes: 28_700_000, outputs: ['last_hidden_state', 'block.3'] };
      },
    });
    const packages = projectOf(folder, { '@dinomix/teacher-dinov3': { provides: ['teacher:dinov3'], load } });
    const args = ['teacher', 'convert', 'weights', '-o', 's.onnx', '--precision', 'float16', '--blocks', '3,11'];
    const { code, out } = await dinomix(args, { folder, packages });
    expect(code).toBe(0);
    expect(requests).toEqual([
      {
        weights: join(folder, 'weights'),
        out: join(folder, 's.onnx'),
        precision: 'float16',
        outputBlocks: [3, 11],
        overwrite: false,
      },
    ]);
    expect(out).toContain('12 blocks of width 384, 6 heads, SwiGLU MLP, patches of 16, 4 registers');
    expect(out).toContain('28.7 MB');
    const wrong = await dinomix(['teacher', 'convert', 'x', '-o', 'y', '--blocks', '3,x'], { folder, packages });
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('DMX_CLI_VALUE');
  });
});

describe('dinomix init', () => {
  it('writes a config once', async () => {
    const folder = temporaryFolder();
    expect((await dinomix(['init'], { folder })).code).toBe(0);
    const text = readFileSync(join(folder, 'dinomix.config.ts'), 'utf8');
    expect(text).toContain('export default defineConfig');
    const again = await dinomix(['init', '--dataset', 'nnunet', '--data', 'my data'], { folder });
    expect(again.code).toBe(2);
    expect(again.err).toContain('DMX_CLI_EXISTS');
    expect(readFileSync(join(folder, 'dinomix.config.ts'), 'utf8')).toBe(text);
    expect((await dinomix(['init', '--dataset', 'nnunet', '--data', 'my data', '--force'], { folder })).code).toBe(0);
    expect(readFileSync(join(folder, 'dinomix.config.ts'), 'utf8')).toContain('nnunet({ root: "my data" })');
  });
});

describe('the packages of a project', () => {
  const put = (folder: string, content: object) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify(content));
  };

  it('are its declared plugins, by keyword or by what they state', async () => {
    const folder = temporaryFolder();
    const modules = join(folder, 'node_modules');
    put(folder, { dependencies: { '@me/mixer-half': '1', lodash: '1', absent: '1', stated: '1' } });
    put(join(modules, '@me/mixer-half'), { version: '1.2.3', keywords: ['dinomix-plugin'] });
    put(join(modules, 'lodash'), { version: '4.0.0' });
    put(join(modules, 'stated'), { version: '0.1.0', dinomix: { provides: ['loss:one', 'metric:two'] } });
    put(join(modules, '@me/mixer-undeclared'), { version: '1.0.0', keywords: ['dinomix-plugin'] });
    const { code, out } = await dinomix(['plugins', '--json'], { folder });
    expect(code).toBe(0);
    expect(JSON.parse(out).plugins).toEqual([
      { name: '@me/mixer-half', version: '1.2.3', folder: join(modules, '@me/mixer-half'), provides: ['mixer:half'] },
      { name: 'stated', version: '0.1.0', folder: join(modules, 'stated'), provides: ['loss:one', 'metric:two'] },
    ]);
  });

  it('are missed by name', async () => {
    const folder = temporaryFolder();
    put(folder, {});
    const { code, err } = await dinomix(['data', 'phantom', '-o', 'x'], { folder });
    expect(code).toBe(2);
    expect(err).toContain('DMX_CLI_PACKAGE  "dinomix data phantom" needs the package @dinomix/dataset-phantom');
    expect(err).toContain(folder);
  });

  it('make the doctor warn of a second copy', async () => {
    const folder = temporaryFolder();
    const modules = join(folder, 'node_modules');
    const plugin = join(folder, 'elsewhere', 'mixer-half');
    put(folder, { dependencies: { '@me/mixer-half': '1' } });
    put(plugin, { version: '1.0.0', keywords: ['dinomix-plugin'] });
    put(join(plugin, 'node_modules', '@tensorflow/tfjs-core'), { version: '4.21.0' });
    put(join(modules, '@tensorflow/tfjs-core'), { version: '4.22.0' });
    mkdirSync(join(modules, '@me'));
    symlinkSync(plugin, join(modules, '@me/mixer-half'));
    const { out } = await dinomix(['doctor', '--json'], { folder });
    const finding = JSON.parse(out).findings.find(({ check }: { check: string }) => check === '@tensorflow/tfjs-core');
    expect(finding.state).toBe('warning');
    expect(finding.note).toContain(
      `4.21.0 in ${join(plugin, 'node_modules', '@tensorflow/tfjs-core')} (for @me/mixer-half)`,
    );
    expect(finding.note).toContain('4.22.0');
  });
});
