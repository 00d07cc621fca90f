import { describe, expect, it } from 'vitest';
import { dataset, hookPlugin, loss, mixer, required, student, testPlugin } from '../../test/plugins.js';
import { defineConfig, definePreset, RUN_INFO, type RunOutcome } from '../index.js';
import { PLUGIN } from '../plugin/types.js';
import { createHost } from './host.js';

const OUTCOME: RunOutcome = {
  status: 'completed',
  reason: 'all epochs done',
  position: null,
  error: null,
  seconds: 1,
  peakMb: 1,
  fallbackKernels: {},
};
const at = { id: 'r-1', directory: '/runs/r-1' };

const constant = (weight: number) => ({ weight, ramp: 'constant', per: 'step', lag: 0, length: 1, students: null });

describe('the resolved config', () => {
  it('lays presets, config and command line over each other and knows who set what', async () => {
    const inner = definePreset('inner', {
      train: { epochs: 10, patch: [8, 8, 8] },
      plugins: [mixer('box'), mixer('ring')],
    });
    const preset = definePreset('method', {
      extends: [inner],
      plugins: required(),
      train: { epochs: 20, queue: 4 },
      seed: 3,
    });
    const host = await createHost({
      config: defineConfig({
        extends: [preset],
        plugins: [loss('fkd')],
        use: { mixer: 'ring', loss: { dice: 1, fkd: 0.5 } },
        options: { 'student:net': { filters: 16 } },
        train: { queue: 8 },
      }),
      file: '/data/dinomix.config.ts',
      overrides: [
        '--set train.workers=0',
        '--seed 9',
        '--set dataset.toy.split.seed=5',
        '--set use.loss.fkd.ramp=linear',
      ],
    });
    const origins = Object.fromEntries(host.explain().config.map(({ path, value, origin }) => [path, [value, origin]]));
    expect(origins).toMatchObject({
      'train.epochs': [20, 'preset method'],
      'train.patch': [[8, 8, 8], 'preset inner'],
      'train.queue': [8, 'dinomix.config.ts'],
      'train.workers': [0, '--set train.workers=0'],
      'train.batch.labelled': [2, 'default'],
      seed: [9, '--seed 9'],
      'use.mixer': [['ring'], 'dinomix.config.ts'],
      'use.dataset': [['toy'], 'only candidate'],
      'use.loss.fkd.weight': [0.5, 'dinomix.config.ts'],
      'use.loss.fkd.ramp': ['linear', '--set use.loss.fkd.ramp=linear'],
      'student.net.filters': [16, 'dinomix.config.ts'],
      'dataset.toy.split.seed': [5, '--set dataset.toy.split.seed=5'],
      'dataset.toy.root': ['data', 'default'],
    });
    expect(host.explain().idle).toEqual(['mixer:box']);
    await host.dispose();
  });

  it('hears the highest layer on each slot, and the last word of the command line', async () => {
    const preset = definePreset('p', {
      plugins: [...required(), mixer('box'), mixer('ring')],
      use: { mixer: ['box', 'ring'] },
    });
    const mixers = async (use: object, ...overrides: readonly string[]) => {
      const host = await createHost({ config: { extends: [preset], use }, overrides });
      await host.dispose();
      return host.config.use.mixer;
    };
    expect(await mixers({})).toEqual(['box', 'ring']);
    expect(await mixers({ mixer: 'ring' })).toEqual(['ring']);
    expect(await mixers({ mixer: 'ring' }, '--use mixer=ring', '--use mixer=box')).toEqual(['box']);
  });

  it('takes every metric and reporter that is loaded', async () => {
    const metric = (id: string) =>
      testPlugin(`m-${id}`, [`metric:${id}`], (api) => api.provide('metric', id, () => ({}) as never));
    const config = { plugins: [...required(), metric('a'), metric('b')] };
    const [all, one] = [
      await createHost({ config }),
      await createHost({ config: { ...config, use: { metric: 'b' } } }),
    ];
    expect([all.config.use.metric, one.config.use.metric]).toEqual([['a', 'b'], ['b']]);
    expect(all.explain().slots.find((slot) => slot.slot === 'metric')!.origin).toBe('all candidates');
    await Promise.all([all.dispose(), one.dispose()]);
  });

  it('lets a config replace a plugin of its preset', async () => {
    const preset = definePreset('method', { plugins: required() });
    const host = await createHost({ config: { extends: [preset], plugins: [student({ filters: 8 })] } });
    expect(host.config.plugins.filter((plugin) => plugin.name === '@test/student')).toMatchObject([
      { options: { filters: 8 } },
    ]);
    await host.dispose();
  });

  it('takes what is built in where nobody provides anything else', async () => {
    const inner = definePreset('inner', { plugins: [mixer('box')], use: { mixer: 'box' } });
    const base = definePreset('built in', { extends: [inner], plugins: required() });
    const builtIn = await createHost({ config: {}, base });
    expect(builtIn.config.use).toMatchObject({ dataset: ['toy'], mixer: ['box'] });
    const own = await createHost({ config: { plugins: [dataset().as('mine'), mixer('ring')] }, base });
    expect(own.config.use).toMatchObject({ dataset: ['mine'], mixer: ['ring'], student: ['net'] });
    await Promise.all([builtIn.dispose(), own.dispose()]);
  });

  it('switches off and exchanges from the command line', async () => {
    const plugins = [...required(), loss('fkd'), mixer('box'), mixer('ring')];
    const config = { plugins, use: { mixer: ['box', 'ring'], loss: { dice: 1, fkd: 0.1 } } };
    const useWith = async (...overrides: readonly string[]) => {
      const host = await createHost({ config, overrides });
      await host.dispose();
      return host.config.use;
    };
    expect((await useWith('--off mixer')).mixer).toEqual([]);
    expect((await useWith('--off mixer.box')).mixer).toEqual(['ring']);
    expect((await useWith('--use mixer=ring,box')).mixer).toEqual(['ring', 'box']);
    expect((await useWith('--off loss.fkd')).loss).toEqual({ dice: constant(1) });
    expect((await useWith('--use loss=fkd:2')).loss).toEqual({ fkd: constant(2) });
  });

  it('lays weights of losses over those of a preset, and takes away what is false', async () => {
    const preset = definePreset('method', {
      plugins: [...required(), loss('fkd'), loss('extra')],
      use: { loss: { dice: 1, fkd: { weight: 1, ramp: 'linear', length: 0.05 }, extra: 2 } },
    });
    const lossesOf = async (use: object) => {
      const host = await createHost({ config: { extends: [preset], use }, file: '/data/dinomix.config.ts' });
      await host.dispose();
      const { config } = host.explain();
      const origin = config.find(({ path }) => path === 'use.loss.dice.weight')!.origin;
      return { losses: host.config.use.loss, origin };
    };
    const ramped = { ...constant(0.1), ramp: 'linear', length: 0.05 };
    const { losses, origin } = await lossesOf({ loss: { fkd: { weight: 0.1 }, extra: false } });
    expect(losses).toEqual({ dice: constant(1), fkd: ramped });
    expect(origin).toBe('preset method');
    expect((await lossesOf({ loss: { fkd: 0.1 } })).losses.fkd).toEqual(constant(0.1));
    expect((await lossesOf({ loss: ['dice'] })).losses).toEqual({ dice: constant(1) });
  });

  it('is frozen, and hashed without regard to who set it', async () => {
    const one = await createHost({ config: { plugins: [...required()], seed: 4 } });
    const two = await createHost({ config: { plugins: [...required()] }, overrides: ['--seed 4'] });
    const three = await createHost({ config: { plugins: [...required()] }, overrides: ['--seed 5'] });
    expect(one.configHash).toBe(two.configHash);
    expect(one.configHash).not.toBe(three.configHash);
    expect(() => {
      (one.config.train.patch as unknown as number[])[0] = 1;
    }).toThrow(TypeError);
    await Promise.all([one, two, three].map((host) => host.dispose()));
  });

  it('passes through config.modify and config.resolved', async () => {
    const seen: unknown[] = [];
    const plugin = hookPlugin('shrink', (api) => {
      api.hooks.configModify.tap((settings) => ({ ...settings, seed: settings.seed + 1 }));
      api.hooks.configResolved.tap((config, environment) => void seen.push(config.seed, environment.overrides));
    });
    const host = await createHost({ config: { plugins: [...required(), plugin] }, overrides: ['--seed 1'] });
    expect(seen).toEqual([2, ['--seed 1']]);
    expect(host.explain().config.find((entry) => entry.path === 'seed')).toEqual({
      path: 'seed',
      value: 2,
      origin: 'hook config.modify',
    });
    await host.dispose();
  });
});

describe('slots', () => {
  it('are created once per run, in order, under the id of the config', async () => {
    const host = await createHost({
      config: defineConfig({
        plugins: [...required(), student({ filters: 8 }).as('b')],
        use: { student: ['b', 'net'] },
      }),
    });
    const [one, two] = [host.createRun(at), host.createRun({ ...at, id: 'r-2' })];
    const students = await one.resolve('student');
    expect(
      students.map(({ id, plugin, value }) => [id, plugin, (value as { id?: string; filters?: number }).id]),
    ).toEqual([
      ['b', '@test/student 1.2.0', 'b'],
      ['net', '@test/student 1.2.0', 'net'],
    ]);
    expect((await one.resolve('student'))[0]!.value).toBe(students[0]!.value);
    expect((await two.resolve('student'))[0]!.value).not.toBe(students[0]!.value);
    expect((await host.resolve('backend'))[0]!.value).toBe((await one.resolve('backend'))[0]!.value);
    expect(await one.resolve('mixer')).toEqual([]);
    expect(one.scope.resolve(RUN_INFO)).toEqual({ ...at, seed: 0, configHash: host.configHash });
    await host.dispose();
  });

  it('name the plugin whose factory fails: DMX_SLOT_FACTORY', async () => {
    const cause = new Error('no model file');
    const failing = testPlugin('f', ['teacher:f'], (api) =>
      api.provide('teacher', 'f', async () => {
        throw cause;
      }),
    );
    const empty = testPlugin('e', ['mixer:e'], (api) => api.provide('mixer', 'e', () => undefined as never));
    const host = await createHost({ config: { plugins: [...required(), failing, empty] } });
    const run = host.createRun(at);
    await expect(run.resolve('teacher')).rejects.toMatchObject({
      code: 'DMX_SLOT_FACTORY',
      plugin: '@test/f 1.0.0',
      slot: 'teacher',
      runId: 'r-1',
      cause,
      why: 'no model file',
    });
    await expect(run.resolve('mixer')).rejects.toMatchObject({
      code: 'DMX_SLOT_FACTORY',
      why: expect.stringContaining('returned undefined'),
    });
    await host.dispose();
  });

  it('pass warnings on with the name of the plugin', async () => {
    const warnings: string[][] = [];
    const plugin = testPlugin('w', ['mixer:w'], (api) =>
      api.provide('mixer', 'w', (ctx) => {
        ctx.warn(`${ctx.slot}:${ctx.id} is slow`);
        return { plan: (facts) => facts.previous };
      }),
    );
    const host = await createHost({
      config: { plugins: [...required(), plugin] },
      onWarning: (...warning) => warnings.push(warning),
    });
    await host.createRun(at).resolve('mixer');
    expect(warnings).toEqual([['mixer:w is slow', '@test/w 1.0.0']]);
    await host.dispose();
  });
});

describe('two copies of core', () => {
  it('work together, with a warning that names the plugin', async () => {
    const warnings: string[][] = [];
    const here = mixer('box');
    const foreign = { ...here, [PLUGIN]: { ...here[PLUGIN], core: '1.99.0' } };
    const host = await createHost({
      config: { plugins: [...required(), foreign] },
      onWarning: (...warning) => warnings.push(warning),
    });
    expect((await host.createRun(at).resolve('mixer')).length).toBe(1);
    expect(warnings).toEqual([[expect.stringContaining('made with @dinomix/core 1.99.0'), '@test/mixer-box 1.0.0']]);
    await host.dispose();
  });
});

describe('taps', () => {
  it('of plugins that are not in use do not exist', async () => {
    const tapping = testPlugin('t', ['mixer:t'], (api) => {
      api.provide('mixer', 't', () => ({ plan: (facts) => facts.previous }));
      api.hooks.stepEnd.tap(() => undefined);
    });
    const config = { plugins: [...required(), tapping] };
    const [on, off] = [await createHost({ config }), await createHost({ config, overrides: ['--off mixer'] })];
    expect([on.hooks.stepEnd.isUsed(), off.hooks.stepEnd.isUsed()]).toEqual([true, false]);
    expect(on.explain().hooks).toEqual({ 'step.end': [{ plugin: 'mixer:t', tap: '' }] });
    await Promise.all([on.dispose(), off.dispose()]);
  });
});

describe('the end of a run', () => {
  const order = async (fails: boolean) => {
    const seen: string[] = [];
    const plugin = testPlugin('p', ['mixer:p'], (api) => {
      api.onDispose(() => void seen.push('plugin'));
      api.hooks.runStart.tap(() => void seen.push('run.start'));
      api.hooks.runEnd.tap(() => {
        seen.push('run.end');
        if (fails) throw new Error('end');
      });
      api.provide('mixer', 'p', (ctx) => {
        ctx.onDispose(() => void seen.push('slot'));
        return { plan: (facts) => facts.previous };
      });
    });
    const host = await createHost({ config: { plugins: [...required(), plugin] } });
    host.onDispose('cli', () => void seen.push('cli'));
    const run = host.createRun(at);
    await run.start();
    await run.resolve('mixer');
    run.onDispose('trainer', () => void seen.push('trainer'));
    run.signal.addEventListener('abort', () => seen.push('abort'));
    return { host, run, seen };
  };

  it('aborts, fires run.end, disposes last in first out, and happens once', async () => {
    const { host, run, seen } = await order(false);
    await run.end(OUTCOME);
    await run.end(OUTCOME);
    expect(seen).toEqual(['run.start', 'abort', 'run.end', 'trainer', 'slot']);
    expect(run.state).toBe('disposed');
    await expect(run.resolve('mixer')).rejects.toMatchObject({ code: 'DMX_STATE' });
    await host.dispose();
    await host.dispose();
    expect(seen.slice(5)).toEqual(['cli', 'plugin']);
    expect(() => host.createRun(at)).toThrowError(expect.objectContaining({ code: 'DMX_STATE' }));
  });

  it('leaves other runs alone, and is silent for a run that never started', async () => {
    const { host, run, seen } = await order(false);
    const other = host.createRun({ ...at, id: 'r-2' });
    await run.end(OUTCOME);
    await run.end(OUTCOME);
    const sofar = seen.length;
    await host.dispose();
    expect(other.state).toBe('disposed');
    expect(seen.slice(sofar)).toEqual(['cli', 'plugin']);
  });

  it('goes on after a failure and throws it at the end', async () => {
    const { host, run, seen } = await order(true);
    await expect(run.end(OUTCOME)).rejects.toMatchObject({
      errors: [{ code: 'DMX_HOOK_FAILED', plugin: '@test/p 1.0.0', runId: 'r-1' }],
    });
    expect(seen.at(-1)).toBe('slot');
    await host.dispose();
  });

  it('is forced on runs that are left when the host goes', async () => {
    const { host, run, seen } = await order(true);
    await expect(host[Symbol.asyncDispose]()).rejects.toMatchObject({ errors: [{ code: 'DMX_HOOK_FAILED' }] });
    expect([run.state, host.state]).toEqual(['disposed', 'disposed']);
    expect(seen).toEqual(['run.start', 'abort', 'run.end', 'trainer', 'slot', 'cli', 'plugin']);
  });

  it('fires run.error with an error that has a code: DMX_RUN_FAILED', async () => {
    const seen: unknown[] = [];
    const plugin = hookPlugin('watch', (api) =>
      api.hooks.runError.tap((error) => void seen.push(error.code, error.runId)),
    );
    const host = await createHost({ config: { plugins: [...required(), plugin] } });
    const run = host.createRun(at);
    await run.start();
    await run.fail(new Error('disk full'), null);
    expect(seen).toEqual(['DMX_RUN_FAILED', 'r-1']);
    await expect(run.start()).rejects.toMatchObject({ code: 'DMX_STATE' });
    await host.dispose();
  });
});
