import { definePlugin, PLUGIN_API_LEVEL } from '@dinomix/core';
import { z } from 'zod';
import { createConstant, createPoly } from './schedules.js';

const rate = z.number().positive();
const fraction = z.number().min(0).lt(1);
const common = { version: '1.0.0', core: '^1.0.0', api: PLUGIN_API_LEVEL } as const;

/** `optimizer:sgd`. */
export const sgd = definePlugin({
  ...common,
  name: '@dinomix/trainer/sgd',
  provides: ['optimizer:sgd'],
  options: z.strictObject({
    learningRate: rate.default(0.1),
    momentum: fraction.default(0.9),
    nesterov: z.boolean().default(true),
    weightDecay: z.number().min(0).default(3e-5),
  }),
  setup: (api, options) => api.provide('optimizer', 'sgd', async () => (await import('./sgd.js')).createSgd(options)),
});

/** `optimizer:adam`; `decoupled` makes it AdamW. */
export const adam = definePlugin({
  ...common,
  name: '@dinomix/trainer/adam',
  provides: ['optimizer:adam'],
  options: z.strictObject({
    learningRate: rate.default(1e-3),
    betas: z.tuple([fraction, fraction]).default([0.9, 0.999]),
    epsilon: rate.default(1e-8),
    weightDecay: z.number().min(0).default(0),
    decoupled: z.boolean().default(false),
  }),
  setup: (api, options) =>
    api.provide('optimizer', 'adam', async () => (await import('./adam.js')).createAdam(options)),
});

/** `schedule:poly`. */
export const poly = definePlugin({
  ...common,
  name: '@dinomix/trainer/poly',
  provides: ['schedule:poly'],
  options: z.strictObject({
    power: rate.default(0.9),
    per: z.literal(['epoch', 'step']).default('epoch'),
    lag: z.int().min(0).default(0),
  }),
  setup: (api, options) => api.provide('schedule', 'poly', () => createPoly(options)),
});

/** `schedule:constant`. */
export const constant = definePlugin({
  ...common,
  name: '@dinomix/trainer/constant',
  provides: ['schedule:constant'],
  options: z.strictObject({}),
  setup: (api) => api.provide('schedule', 'constant', () => createConstant()),
});
