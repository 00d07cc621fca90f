// What the tests of all presets share: a host in which a preset stands on plugins that fill the remaining slots.
import { createHost, definePlugin, type Host, type Preset } from '@dinomix/core';
import { builtIns } from '@dinomix/trainer';
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

/** Checks a preset and sets it up as a run would, with these overrides of the command line. */
export async function resolvePreset(preset: Preset, overrides: readonly string[] = []): Promise<Host> {
  const config = { extends: [preset], plugins: [backend(), dataset()] };
  const host = await createHost({ config, base: builtIns, overrides });
  hosts.push(host);
  return host;
}

/** Ids and values that fill a slot. */
export async function resolveSlot<S extends 'student' | 'teacher' | 'mixer' | 'selector' | 'weighter' | 'loss'>(
  host: Host,
  slot: S,
) {
  const run = host.createRun({ id: `run-${slot}`, directory: '/nowhere' });
  return run.resolve(slot);
}
