import { definePlugin } from '@dinomix/core';

const noOptions = { '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value }) } };

/** A plugin that taps hooks. @param provides - keys of the slots that it fills */
export function benchPlugin(name, setup, provides = []) {
  const about = { name: `@dinomix/bench-${name}`, version: '1.0.0', core: '^1.0.0', api: 1, provides };
  return definePlugin({ ...about, options: noOptions, setup })();
}

/**
 * A plugin that holds the loop of a training at a hook until the next time is asked for.
 * @param dataset - given to the slot `dataset:bench`
 */
export function createGate({ hook = 'stepEnd', dataset } = {}) {
  let finished;
  let proceed;
  const setup = (api) => {
    if (dataset) api.provide('dataset', 'bench', () => dataset);
    api.hooks[hook].tap(
      (report) =>
        new Promise((resolve) => {
          proceed = resolve;
          finished(report);
        }),
    );
  };
  const plugin = benchPlugin('gate', setup, dataset ? ['dataset:bench'] : []);
  const next = () =>
    new Promise((resolve) => {
      finished = resolve;
      proceed?.();
    });
  return { plugin, next };
}
