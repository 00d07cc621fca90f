import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { dataset, loss, mixer, required, student } from '../../test/plugins.js';
import { definePlugin, type PluginInstance } from '../index.js';
import { configOf, defineConfig, definePreset, type Preset, presetOf } from './define-config.js';

describe('types of a config', () => {
  it('take the ids of the loaded plugins only', () => {
    const plugins = [dataset(), student(), mixer('box'), mixer('ring'), loss('dice')] as const;
    defineConfig({ plugins, use: { dataset: 'toy', student: ['net'], mixer: ['ring', 'box'], loss: { dice: 1 } } });
    defineConfig({ plugins, use: { mixer: false, loss: { dice: { weight: 1, ramp: 'linear' } } } });
    // @ts-expect-error no plugin provides this mixer
    defineConfig({ plugins, use: { mixer: 'pic' } });
    // @ts-expect-error nor this one in a list
    defineConfig({ plugins, use: { mixer: ['box', 'pic'] } });
    // @ts-expect-error a dataset is no student
    defineConfig({ plugins, use: { student: ['toy'] } });
    // @ts-expect-error unknown loss
    defineConfig({ plugins, use: { loss: { fkd: 1 } } });
    // @ts-expect-error unknown slot
    defineConfig({ plugins, use: { mixr: 'box' } });
    // @ts-expect-error unknown section
    defineConfig({ plugins, trian: {} });
    // @ts-expect-error unknown setting
    defineConfig({ plugins, train: { epoch: 3 } });
    // @ts-expect-error wrong type of a setting
    defineConfig({ plugins, train: { patch: [64, 128] } });
    // @ts-expect-error options for what is not loaded
    defineConfig({ plugins, options: { 'mixer:pic': {} } });
    expect(configOf(defineConfig({ plugins }))).toEqual({ plugins });
  });

  it('know the ids of presets, of renamed plugins and of what is built in', () => {
    const preset = definePreset('two', {
      plugins: [student().as('a'), student().as('b'), loss('dice')],
      use: { student: ['a', 'b'] },
    });
    expectTypeOf(preset).toEqualTypeOf<Preset<'student:a' | 'student:b' | 'loss:dice'>>();
    defineConfig({
      extends: [preset],
      plugins: [mixer('box')],
      use: { student: 'a', mixer: 'box', optimizer: 'adam' },
    });
    // @ts-expect-error the plugin was renamed
    defineConfig({ extends: [preset], use: { student: 'net' } });
    const outer = definePreset('outer', { extends: [preset], plugins: [mixer('ring')] });
    expectTypeOf(outer).toEqualTypeOf<Preset<'student:a' | 'student:b' | 'loss:dice' | 'mixer:ring'>>();
    expect(presetOf(outer)!.name).toBe('outer');
  });

  it('ask for options exactly when the schema does', () => {
    const base = {
      name: '@t/p',
      version: '1.0.0',
      core: '^1.0.0',
      api: 1,
      provides: ['mixer:p'],
      setup: () => undefined,
    } as const;
    const needs = definePlugin({ ...base, options: z.strictObject({ model: z.string() }) });
    const may = definePlugin({ ...base, options: z.strictObject({ model: z.string().optional() }) });
    // @ts-expect-error the model is required
    const without: PluginInstance = needs();
    // @ts-expect-error unknown option
    const unknown: PluginInstance = may({ modl: 'x' });
    expectTypeOf(needs({ model: 'x' })).toEqualTypeOf<PluginInstance<readonly ['mixer:p']>>();
    expectTypeOf(may()).toEqualTypeOf<PluginInstance<readonly ['mixer:p']>>();
    expect([without.provides, unknown.provides]).toEqual([['mixer:p'], ['mixer:p']]);
  });

  it('accept the plugins of a host', () => {
    expect(configOf(defineConfig({ plugins: [...required()] }))).toHaveProperty('plugins');
    expect([configOf(null), configOf([]), configOf('x'), presetOf({})]).toEqual([null, null, null, null]);
  });
});

describe('types of setup', () => {
  interface FakeTensor {
    readonly shape: readonly number[];
    dispose(): void;
  }

  it('check slots, ids and contracts, and let taps name the tensor type', () => {
    const plugin = definePlugin({
      name: '@t/p',
      version: '1.0.0',
      core: '^1.0.0',
      api: 1,
      provides: ['mixer:p', 'schedule:q'],
      options: z.strictObject({ ratio: z.number().default(1) }),
      setup(api, options) {
        expectTypeOf(options).toEqualTypeOf<{ ratio: number }>();
        api.provide('schedule', 'q', () => ({ factor: () => 1 }));
        // @ts-expect-error not declared in provides
        api.provide('mixer', 'q', () => ({ plan: (facts) => facts.previous }));
        // @ts-expect-error not declared in provides
        api.provide('loss', 'p', () => ({}));
        // @ts-expect-error no mixer
        api.provide('mixer', 'p', () => ({ factor: () => 1 }));
        api.hooks.studentForward.tap((output: { logits: FakeTensor; features: Record<string, FakeTensor> }) => ({
          logits: output.logits,
          features: {},
        }));
      },
    });
    expect(plugin().provides).toEqual(['mixer:p', 'schedule:q']);
  });
});
