import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  backend,
  dataset,
  hookPlugin,
  loss,
  mixer,
  optimizer,
  required,
  student,
  testPlugin,
} from '../../test/plugins.js';
import { type DmxError, defineConfig, definePlugin, definePreset } from '../index.js';
import { createHost, type HostOptions } from './host.js';

const ok = <V>(value: V): V => value;

/** What a host refuses: the error and its single problems. */
async function refused(
  config: object,
  more: Partial<HostOptions> = {},
): Promise<{ error: DmxError; problems: readonly DmxError[] }> {
  const error = await createHost({ config, ...more }).then(
    () => expect.unreachable('the host was created'),
    (thrown: DmxError) => thrown,
  );
  return { error, problems: error.problems.length > 0 ? error.problems : [error] };
}

const codes = (problems: readonly DmxError[]) => problems.map((problem) => problem.code);
const onNet = { core: '^1.0.0', api: 1, version: '1.0.0', options: z.strictObject({}), setup: () => undefined };

describe('phase shape', () => {
  it('reports all problems at once, each with its nearest name and origin', async () => {
    const preset = definePreset('odd', { trian: {} } as never);
    const { error, problems } = await refused({
      extends: [preset, {}],
      plugins: [{ name: 'raw' }, student, preset],
      train: { epoch: 3, patch: [64, 128] },
      seed: -1,
    });
    expect(error).toMatchObject({ code: 'DMX_SEVERAL', phase: 'shape' });
    expect(codes(problems).sort()).toEqual([
      'DMX_CONFIG_KEY',
      'DMX_CONFIG_KEY',
      'DMX_CONFIG_VALUE',
      'DMX_CONFIG_VALUE',
      'DMX_CONFIG_VALUE',
      'DMX_PLUGIN_NOT_DEFINED',
      'DMX_PLUGIN_NOT_DEFINED',
      'DMX_PLUGIN_NOT_DEFINED',
    ]);
    const byPath = new Map(problems.map((problem) => [problem.path, problem]));
    expect(byPath.get('trian')).toMatchObject({
      summary: 'Unknown config key "trian" (preset odd)',
      fix: expect.stringContaining('"train"'),
    });
    expect(byPath.get('train.epoch')!.fix).toContain('"epochs"');
    expect(byPath.get('seed')!.summary).toBe('Wrong value for "seed" (config)');
    expect(byPath.get('plugins[0]')!.why).toBe('Found {"name":"raw"}.');
    expect(byPath.get('plugins[0]')!.fix).toContain('plugins: [');
    expect(byPath.get('plugins[1]')!.fix).toContain('@test/student is a function: call it');
    expect(byPath.get('plugins[2]')!.fix).toContain('"odd" is a preset: put it into "extends".');
  });

  it('names an override that adds a key', async () => {
    const overrides = ['--set train.epoch=3', '--set train.batch.labeled=1', '--nonsense'];
    const { problems } = await refused({ plugins: [...required()] }, { overrides });
    expect(codes(problems)).toEqual(['DMX_OVERRIDE_SYNTAX', 'DMX_OVERRIDE_PATH', 'DMX_OVERRIDE_PATH']);
    expect(problems[1]!.fix).toContain('"epochs"');
    expect(problems[2]!.fix).toContain('"labelled"');
  });

  it('names an override with a wrong value', async () => {
    const { error } = await refused({ plugins: [...required()] }, { overrides: ['--set train.epochs=many'] });
    expect(error).toMatchObject({
      code: 'DMX_CONFIG_VALUE',
      path: 'train.epochs',
      why: expect.stringContaining('found "many"'),
    });
    expect(error.summary).toContain('--set train.epochs=many');
  });

  it('names windows that leave gaps', async () => {
    const config = { plugins: [...required()], train: { patch: [8, 16, 16] }, inference: { stride: [8, 17, 16] } };
    const { error } = await refused(config);
    expect(error).toMatchObject({
      code: 'DMX_CONFIG_VALUE',
      path: 'inference.stride',
      why: expect.stringContaining('[8, 16, 16]'),
    });
  });

  it('names a patch that no machine holds', async () => {
    const { error } = await refused({ plugins: [...required()], train: { patch: [4096, 4096, 4096] } });
    expect(error).toMatchObject({
      code: 'DMX_CONFIG_VALUE',
      path: 'train.patch',
      why: expect.stringContaining('at most 1073741824 voxels'),
    });
  });

  it('refuses what is no config', async () => {
    expect((await refused([] as never)).error).toMatchObject({
      code: 'DMX_CONFIG_NOT_OBJECT',
      why: 'Its default export is [].',
    });
  });
});

describe('phase identity', () => {
  it('reports every rule that a definition breaks', async () => {
    const bad = definePlugin({
      ...onNet,
      name: '@test/bad',
      version: 'one',
      provides: ['mixr:a' as 'mixer:a', 'mixer:B_C'],
      options: {} as unknown as typeof onNet.options,
    });
    const { error, problems } = await refused({ plugins: [bad()] });
    expect(error.phase).toBe('identity');
    expect(new Set(codes(problems))).toEqual(new Set(['DMX_PLUGIN_DEFINITION']));
    expect(problems.map((problem) => problem.why)).toEqual([
      '"version" must be a version such as 1.0.0',
      '"options" must be a Standard Schema, such as z.strictObject({})',
      '"mixr:a" in "provides" is not <slot>:<id> with a known slot',
      '"mixer:B_C" in "provides" is not <slot>:<id> with a known slot',
    ]);
  });

  it('refuses two plugins for one id and names both', async () => {
    const other = testPlugin('other', ['student:net'], () => undefined);
    const { error } = await refused({ plugins: [...required(), other] });
    expect(error).toMatchObject({
      code: 'DMX_PLUGIN_DUPLICATE_ID',
      why: 'It is provided by @test/student 1.2.0 (config) and by @test/other 1.0.0 (config).',
    });
    const same = await refused({ plugins: [...required(), student()] });
    expect(same.error.code).toBe('DMX_PLUGIN_DUPLICATE_ID');
    const hooks = hookPlugin('hooks', () => undefined);
    expect((await refused({ plugins: [...required(), hooks, hooks] })).error.code).toBe('DMX_PLUGIN_DUPLICATE_ID');
  });

  it('refuses another package for an id of a preset', async () => {
    const preset = definePreset('base', { plugins: required() });
    const other = testPlugin('other', ['student:net'], () => undefined);
    expect((await refused({ extends: [preset], plugins: [other] })).error).toMatchObject({
      code: 'DMX_PLUGIN_DUPLICATE_ID',
      why: expect.stringContaining('(preset base) and by @test/other 1.0.0 (config)'),
    });
  });

  it('refuses an id that as cannot give', () => {
    expect(() => student().as('Net A')).toThrowError(expect.objectContaining({ code: 'DMX_PLUGIN_DEFINITION' }));
    expect(() => optimizer().as('lion')).toThrowError(expect.objectContaining({ code: 'DMX_PLUGIN_DEFINITION' }));
  });
});

describe('phase compatibility', () => {
  it('checks the API level before the range of core', async () => {
    const plugins = [
      testPlugin('later', [], () => undefined, { api: 2, core: '^9.0.0' }),
      testPlugin('earlier', [], () => undefined, { api: 0 }),
      testPlugin('newer', [], () => undefined, { core: '^1.5.0' }),
      testPlugin('odd', [], () => undefined, { core: 'latest' }),
    ];
    const { error, problems } = await refused({ plugins });
    expect(error.phase).toBe('compatibility');
    expect(codes(problems)).toEqual(['DMX_PLUGIN_API', 'DMX_PLUGIN_API', 'DMX_PLUGIN_CORE', 'DMX_PLUGIN_CORE']);
    expect(problems.map((problem) => problem.fix).slice(0, 2)).toEqual([
      'Update @dinomix/core.',
      'Update @test/earlier 1.0.0.',
    ]);
  });
});

describe('phase options', () => {
  it('names plugin, path, origin and nearest option', async () => {
    const { problems } = await refused(
      {
        plugins: [
          backend(),
          dataset({ split: { sed: 1 } } as never),
          student({ filter: 16 } as never),
          mixer('box'),
          optimizer(),
          loss('dice'),
        ],
        options: { 'mixer:box': { ratio: 2 }, 'mixer:bax': {} },
      },
      { overrides: ['--set optimizer.sgd.learningRate=fast', '--set teacher.ema.decay=1'] },
    );
    expect(codes(problems)).toEqual([
      'DMX_OPTIONS_TARGET',
      'DMX_OPTIONS_TARGET',
      'DMX_OPTIONS_KEY',
      'DMX_OPTIONS_KEY',
      'DMX_OPTIONS_VALUE',
      'DMX_OPTIONS_VALUE',
    ]);
    expect(problems.map((problem) => problem.path)).toEqual([
      'options.mixer:bax',
      'options.teacher:ema',
      'split.sed',
      'filter',
      'ratio',
      'learningRate',
    ]);
    expect(problems[0]!.fix).toContain('"mixer:box"');
    expect(problems[2]!.fix).toContain('"seed"');
    expect(problems[3]!.fix).toContain('"filters"');
    expect(problems[5]).toMatchObject({
      plugin: '@test/optimizer 1.0.0',
      summary: expect.stringContaining('(--set optimizer.sgd.learningRate=fast)'),
    });
  });

  it('refuses options that a record could not repeat', async () => {
    const open = z.strictObject({ a: z.strictObject({ b: z.array(z.unknown()) }) });
    const plugin = definePlugin({ ...onNet, name: '@test/p', provides: [], options: open });
    const nested = (value: unknown) => refused({ plugins: [...required(), plugin({ a: { b: [1, value] } })] });
    for (const value of [() => 1, Number.NaN, new Date(), 1n]) {
      expect((await nested(value)).error).toMatchObject({
        code: 'DMX_OPTIONS_JSON',
        path: 'a.b.1',
        plugin: '@test/p 1.0.0',
      });
    }
  });
});

describe('phase use', () => {
  it('names unknown slots and ids with the nearest, or with the installed package that has them', async () => {
    const { error, problems } = await refused(
      { plugins: [...required(), mixer('box')], use: { mixr: 'box', mixer: ['bax', 'bcp'], teacher: 3 } },
      { installed: { 'mixer:bcp': '@dinomix/mixer-bcp' } },
    );
    expect(error.phase).toBe('use');
    expect(codes(problems)).toEqual(['DMX_USE_SLOT', 'DMX_CONFIG_VALUE', 'DMX_USE_ID', 'DMX_USE_ID']);
    expect(problems[0]!.fix).toContain('"mixer"');
    expect(problems[2]!.fix).toContain('"box"');
    expect(problems[3]).toMatchObject({
      why: 'It is provided by @dinomix/mixer-bcp, which is installed but not in "plugins".',
    });
  });

  it('asks for a choice, for one, and for each once', async () => {
    const { problems } = await refused({
      plugins: [...required(), dataset().as('other'), mixer('box'), mixer('ring')],
      use: { student: ['net', 'net'], dataset: ['toy', 'other'], loss: {} },
    });
    expect(codes(problems)).toEqual(['DMX_USE_MANY', 'DMX_USE_TWICE', 'DMX_USE_CHOICE', 'DMX_USE_NONE']);
    expect(problems[2]!.fix).toContain('use.mixer');
    expect(problems[3]!.slot).toBe('loss');
  });

  it('refuses a loss of a student that is not there, with the nearest', async () => {
    const { problems } = await refused({ plugins: required(), use: { loss: { dice: { students: ['nett'] } } } });
    expect(codes(problems)).toEqual(['DMX_LOSS_STUDENT']);
    expect(problems[0]!.fix).toContain('"net"');
  });

  it('checks loss weights and what overrides them', async () => {
    const { problems } = await refused(
      { plugins: [...required(), loss('fkd')], use: { loss: { dice: -1, fkd: { weight: 1, ramp: 'steep' } } } },
      { overrides: ['--set use.loss.fdk=1', '--off loss.dise'] },
    );
    expect(codes(problems).sort()).toEqual(['DMX_CONFIG_VALUE', 'DMX_CONFIG_VALUE', 'DMX_OVERRIDE_PATH', 'DMX_USE_ID']);
    expect(problems.map((problem) => problem.path)).toEqual(
      expect.arrayContaining(['use.loss.dice.weight', 'use.loss.fkd.ramp', 'use.loss.fdk', 'use.loss']),
    );
  });
});

describe('phase requirements', () => {
  it('checks needs, conflicts and the backend of plugins in use', async () => {
    const plugins = [
      ...required(),
      testPlugin(
        'needy',
        [],
        ok(() => undefined),
        { requires: ['teacher:*', 'dataset:toy', '@test/none'] },
      ),
      testPlugin(
        'hostile',
        [],
        ok(() => undefined),
        { conflicts: ['student:net', '@test/needy', 'mixer:box'] },
      ),
      testPlugin(
        'picky',
        [],
        ok(() => undefined),
        { capabilities: { backends: ['onnxruntime'] } },
      ),
    ];
    const { problems } = await refused({ plugins });
    expect(codes(problems)).toEqual([
      'DMX_PLUGIN_REQUIRES',
      'DMX_PLUGIN_REQUIRES',
      'DMX_PLUGIN_CONFLICT',
      'DMX_PLUGIN_CONFLICT',
      'DMX_PLUGIN_BACKEND',
    ]);
    expect(problems.map((problem) => problem.summary).slice(0, 3)).toEqual([
      '@test/needy 1.0.0 needs "teacher:*"',
      '@test/needy 1.0.0 needs "@test/none"',
      '@test/hostile 1.0.0 and @test/student 1.2.0 do not go together',
    ]);
  });

  it('counts only what is in use, and never a plugin against itself', async () => {
    const two = testPlugin('two', ['mixer:a', 'mixer:b'], () => undefined);
    const plugins = [...required(), two, testPlugin('needs-b', [], () => undefined, { requires: ['mixer:b'] })];
    const { problems } = await refused({ plugins, use: { mixer: 'a' } });
    expect(codes(problems)).toEqual(['DMX_PLUGIN_REQUIRES']);

    const alone = testPlugin('alone', ['teacher:x'], (api) => api.provide('teacher', 'x', () => ({}) as never), {
      conflicts: ['teacher:*'],
    });
    const host = await createHost({ config: { plugins: [...required(), alone] } });
    expect(host.config.use.teacher).toEqual(['x']);
    await host.dispose();
  });

  it('leaves plugins that are not in use alone', async () => {
    const idle = testPlugin('idle', ['teacher:x'], () => undefined, {
      requires: ['mixer:*'],
      capabilities: { backends: ['none'] },
    });
    const host = await createHost({ config: { plugins: [...required(), idle], use: { teacher: false } } });
    expect(host.config.plugins.find((plugin) => plugin.id === 'teacher:x')!.active).toBe(false);
    await host.dispose();
  });
});

describe('phase setup', () => {
  it('collects failures of all setups, names them, and disposes what was opened', async () => {
    const cause = new Error('no such option');
    const disposed: string[] = [];
    const { error, problems } = await refused({
      plugins: [
        ...required(),
        hookPlugin('opens', (api) => api.onDispose(() => void disposed.push('opens'))),
        hookPlugin('throws', () => {
          throw cause;
        }),
        testPlugin('forgets', ['mixer:m'], () => undefined),
        testPlugin('surprises', ['teacher:t'], (api) => api.provide('teacher', 'u' as 't', () => ({}) as never)),
        testPlugin('repeats', ['metric:m'], (api) => {
          api.provide('metric', 'm', () => ({}) as never);
          api.provide('metric', 'm', () => ({}) as never);
        }),
      ],
    });
    expect(error.phase).toBe('setup');
    expect(codes(problems)).toEqual([
      'DMX_PLUGIN_SETUP',
      'DMX_PROVIDE_MISSING',
      'DMX_PROVIDE_UNDECLARED',
      'DMX_PROVIDE_TWICE',
    ]);
    expect(problems[0]).toMatchObject({ plugin: '@test/throws 1.0.0', cause });
    expect(disposed).toEqual(['opens']);
  });

  it('names a setup that hangs', async () => {
    const plugins = [...required(), hookPlugin('hangs', () => new Promise<void>(() => undefined))];
    expect((await refused({ plugins }, { deadlines: { setup: 20 } })).error).toMatchObject({
      code: 'DMX_DEADLINE',
      plugin: '@test/hangs 1.0.0',
      phase: 'setup',
    });
  });

  it('refuses taps, slots and disposers after it: DMX_API_CLOSED', async () => {
    let late: (() => void)[] = [];
    const plugin = testPlugin('late', ['mixer:m'], (api) => {
      api.provide('mixer', 'm', () => ({ plan: (facts) => facts.previous }));
      late = [
        () => api.hooks.stepEnd.tap(() => undefined),
        () => api.provide('mixer', 'm', () => ({}) as never),
        () => api.onDispose(() => undefined),
      ];
    });
    const host = await createHost({ config: defineConfig({ plugins: [...required(), plugin] }) });
    for (const call of late)
      expect(call).toThrowError(expect.objectContaining({ code: 'DMX_API_CLOSED', plugin: '@test/late 1.0.0' }));
    await host.dispose();
  });
});

describe('phase order', () => {
  it('reports unknown names and rings over all hooks', async () => {
    const order = (name: string, before: string) =>
      hookPlugin(name, (api) => {
        api.hooks.stepEnd.tap(() => undefined, { before: [before] });
        if (name === 'b') api.hooks.mixerPlan.tap(() => undefined, { after: ['student:nut'] });
      });
    const { error, problems } = await refused({
      plugins: [...required(), order('a', '@test/b'), order('b', '@test/a')],
    });
    expect(error.phase).toBe('order');
    expect(codes(problems)).toEqual(['DMX_TAP_ORDER', 'DMX_TAP_RING']);
    expect(problems[0]!.fix).toContain('"student:net"');
  });
});

describe('phase freeze', () => {
  it('checks what config.modify made and names the hook as its origin', async () => {
    const modify = hookPlugin('modify', (api) =>
      api.hooks.configModify.tap((settings) => ({ ...settings, train: { ...settings.train, epochs: 0 } })),
    );
    expect((await refused({ plugins: [...required(), modify] })).error).toMatchObject({
      code: 'DMX_CONFIG_VALUE',
      path: 'train.epochs',
      summary: 'Wrong value for "train.epochs" (hook config.modify)',
    });
  });
});
