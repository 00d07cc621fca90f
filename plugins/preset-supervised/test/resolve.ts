// What the tests of all presets share: a host in which a preset stands on plugins that fill the remaining slots.
import { createHost, definePlugin, definePreset, type Host, type Preset } from '@dinomix/core';
import { afterAll } from 'vitest';
import { z } from 'zod';

const hosts: Host[] = [];
afterAll(async () => {
  for (const host of hosts) await host.dispose();
});

const unused = (): never => {
  throw new Error('not called in these tests');
};

const common = { version: '1.0.0', core: '^1.0.0', api: 1 } as const;

const backend = definePlugin({
  ...common,
  name: '@test/backend',
  provides: ['backend:plain'],
  options: z.strictObject({}),
  setup: (api) => api.provide('backend', 'plain', () => ({ setup: unused, probe: unused })),
});

const dataset = definePlugin({
  ...common,
  name: '@test/dataset',
  provides: ['dataset:toy'],
  options: z.strictObject({}),
  setup: (api) => api.provide('dataset', 'toy', () => ({}) as never),
});

const sgd = definePlugin({
  ...common,
  name: '@test/sgd',
  provides: ['optimizer:sgd'],
  options: z.strictObject({
    learningRate: z.number(),
    momentum: z.number(),
    nesterov: z.boolean(),
    weightDecay: z.number(),
  }),
  setup: (api, { learningRate }) =>
    api.provide('optimizer', 'sgd', () => ({ learningRate, state: () => [], apply: unused })),
});

const poly = definePlugin({
  ...common,
  name: '@test/poly',
  provides: ['schedule:poly'],
  options: z.strictObject({ power: z.number(), per: z.literal(['epoch', 'step']), lag: z.number() }),
  setup: (api) => api.provide('schedule', 'poly', () => ({ factor: () => 1 })),
});

/** Checks a preset and sets it up as a run would, with these overrides of the command line. */
export async function resolvePreset(preset: Preset, overrides: readonly string[] = []): Promise<Host> {
  const optional = { learningRate: 1, momentum: 0, nesterov: false, weightDecay: 0 };
  const base = definePreset('built in', {
    plugins: [sgd(optional), poly({ power: 1, per: 'step', lag: 0 })],
  });
  const config = { extends: [preset], plugins: [backend(), dataset()] };
  const host = await createHost({ config, base, overrides });
  hosts.push(host);
  return host;
}

/** Ids and values that fill a slot. */
export async function resolveSlot<S extends 'student' | 'teacher' | 'mixer' | 'loss'>(host: Host, slot: S) {
  const run = host.createRun({ id: `run-${slot}`, directory: '/nowhere' });
  return run.resolve(slot);
}
