import { definePlugin } from '@dinomix/core';

const noOptions = { '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value }) } };

/** A plugin that provides nothing and taps hooks. */
export function benchPlugin(name, setup) {
  const about = { name: `@dinomix/bench-${name}`, version: '1.0.0', core: '^1.0.0', api: 1, provides: [] };
  return definePlugin({ ...about, options: noOptions, setup })();
}

/** A plugin that holds the loop of a training after each step until the next one is asked for. */
export function createGate() {
  let finished;
  let proceed;
  const plugin = benchPlugin('gate', (api) =>
    api.hooks.stepEnd.tap(
      (report) =>
        new Promise((resolve) => {
          proceed = resolve;
          finished(report);
        }),
    ),
  );
  const next = () =>
    new Promise((resolve) => {
      finished = resolve;
      proceed?.();
    });
  return { plugin, next };
}
