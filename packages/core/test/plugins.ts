// Plugins for tests: the smallest that fill every required slot, and makers of plugins with one property each.
import { z } from 'zod';
import { definePlugin, type OptionsSchema, type PluginApi, type PluginInstance, type SlotKey } from '../src/index.js';

const unused = (): never => {
  throw new Error('not called in these tests');
};

/** A definition of the plugin `@test/<name>` with the given parts over harmless ones. */
export function testPlugin<const P extends readonly SlotKey[]>(
  name: string,
  provides: P,
  setup: (api: PluginApi<P[number]>, options: unknown) => void | Promise<void>,
  more: Readonly<Record<string, unknown>> = {},
): PluginInstance<P> {
  const options: OptionsSchema<Record<string, never>> = z.strictObject({});
  const base = { name: `@test/${name}`, version: '1.0.0', core: '^1.0.0', api: 1, provides, options, setup };
  return definePlugin({ ...base, ...more } as typeof base)();
}

/** A plugin without slots that runs this setup. */
export function hookPlugin(name: string, setup: (api: PluginApi) => void | Promise<void>): PluginInstance<readonly []> {
  return testPlugin(name, [], setup as (api: PluginApi<never>) => void);
}

export const backend = definePlugin({
  name: '@test/backend',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['backend:plain'],
  options: z.strictObject({}),
  setup: (api) => api.provide('backend', 'plain', () => ({ setup: unused, probe: unused })),
});

export const dataset = definePlugin({
  name: '@test/dataset',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:toy'],
  options: z.strictObject({
    root: z.string().default('data'),
    split: z.strictObject({ seed: z.int().default(0) }).prefault({}),
  }),
  setup: (api) => api.provide('dataset', 'toy', () => ({}) as never),
});

export const student = definePlugin({
  name: '@test/student',
  version: '1.2.0',
  core: '^1.0.0',
  api: 1,
  provides: ['student:net'],
  options: z.strictObject({ filters: z.int().default(32) }),
  setup: (api, { filters }) =>
    api.provide('student', 'net', (ctx) => ({ build: unused, id: ctx.id, filters }) as never),
});

/** Two alternatives in one package each. */
export const mixer = <const I extends 'box' | 'ring'>(id: I) =>
  definePlugin({
    name: `@test/mixer-${id}`,
    version: '1.0.0',
    core: '^1.0.0',
    api: 1,
    provides: [`mixer:${id as string}`],
    options: z.strictObject({ ratio: z.number().min(0).max(1).default(0.5) }),
    setup: (api) => api.provide('mixer', id as string, () => ({ plan: (facts) => facts.previous })),
  })() as unknown as PluginInstance<readonly [`mixer:${I}`]>;

export const loss = <const I extends 'dice' | 'fkd' | 'extra'>(id: I) =>
  definePlugin({
    name: `@test/loss-${id}`,
    version: '1.0.0',
    core: '^1.0.0',
    api: 1,
    provides: [`loss:${id as string}`],
    options: z.strictObject({}),
    setup: (api) =>
      api.provide('loss', id as string, () => ({
        takes: {},
        evaluate: () => null,
      })),
  })() as unknown as PluginInstance<readonly [`loss:${I}`]>;

export const optimizer = definePlugin({
  name: '@test/optimizer',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['optimizer:sgd', 'schedule:poly'],
  options: z.strictObject({ learningRate: z.number().default(0.1) }),
  setup: (api, { learningRate }) => {
    api.provide('optimizer', 'sgd', () => ({ learningRate, state: () => [], apply: unused }));
    api.provide('schedule', 'poly', () => ({ factor: () => 1 }));
  },
});

/** Fills every required slot. */
export const required = () => [backend(), dataset(), student(), loss('dice'), optimizer()] as const;
