import type { Normalisation, NormalisationStep } from '@dinomix/core';

type Pair = readonly [low: number, high: number];

function through(step: NormalisationStep, window: Pair, range: Pair | null): { window: Pair; range: Pair | null } {
  if (step.kind === 'clip') return { window, range: [step.low, step.high] };
  const subtracted = step.kind === 'affine' ? step.subtract : range?.[0];
  const divided = step.kind === 'affine' ? step.divide : range === null ? undefined : range[1] - range[0];
  if ((step.kind !== 'affine' && step.kind !== 'min-max') || subtracted === undefined || divided === undefined) {
    throw new Error(
      `dinov3: the option "window" is in the unit of the data, and the normalisation of the data set has the step "${step.kind}", ` +
        'which depends on each volume. Leave "window" out: then the display window of the data set is black to white.',
    );
  }
  const mapped = (pair: Pair): Pair => [(pair[0] - subtracted) / divided, (pair[1] - subtracted) / divided];
  return { window: mapped(window), range: range === null ? null : mapped(range) };
}

/**
 * Brings an intensity window from the unit of the data (HU for CT) through the normalisation of a data set. `min-max` is
 * taken to act on the whole range of the `clip` before it, which a CT with air and bone fills. Intensities that were
 * clipped away stay where the clip put them.
 * @throws Error when a step depends on the single volume in another way.
 */
export function normalisedWindow(window: Pair, { steps }: Normalisation): Pair {
  let state: { window: Pair; range: Pair | null } = { window, range: null };
  for (const step of steps) state = through(step, state.window, state.range);
  return state.window;
}
