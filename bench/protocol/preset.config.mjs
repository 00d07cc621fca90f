import { defineConfig } from '@dinomix/core';
import { configOf } from './presets.mjs';

/** The config of the commands that the benchmark starts; it is told the task in the environment. */
export default defineConfig(configOf(JSON.parse(process.env.DINOMIX_BENCH_TASK)));
