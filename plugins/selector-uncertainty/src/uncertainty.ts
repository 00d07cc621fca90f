import type { GraphStep, SelectorInputs, SelectorResult, SelectorSlot } from '@dinomix/trainer';
import { add, cast, div, exp, less, minimum, mul, neg, square, squeeze, sub, type Tensor } from '@tensorflow/tfjs-core';
import type { UncertaintyOptions } from './options.js';

/**
 * Keeps the voxels whose uncertainty U is below a threshold that rises with the epoch e of E (Yu et al. 2019, arXiv
 * 1907.07034; method.md §4.2): U < (a + (b - a) exp(-5 (1 - min(e / (length · E), 1))²)) ln 2.
 */
export function createUncertainty(options: UncertaintyOptions): SelectorSlot {
  return {
    takes: 'targets',
    needs: { maps: [options.map] },
    select: (input: SelectorInputs, ctx: GraphStep) => select(input, ctx, options),
  };
}

function threshold({ epoch, epochs }: GraphStep, { from, to, unit, length }: UncertaintyOptions): Tensor {
  const risen = minimum(div(epoch, epochs * length), 1);
  const ramp = exp(mul(neg(square(sub(1, risen))), 5));
  return mul(add(from, mul(ramp, to - from)), unit);
}

function select({ target, view }: SelectorInputs, ctx: GraphStep, options: UncertaintyOptions): SelectorResult {
  const map = target.maps[options.map];
  if (map === undefined) throw new Error(`uncertainty: the target of "${view}" has no map "${options.map}"`);
  if (map.shape[4] !== 1) {
    throw new Error(`uncertainty: the map "${options.map}" has ${map.shape[4]} channels; expected 1`);
  }
  const sure = cast(less(squeeze(map, [4]), threshold(ctx, options)), 'float32');
  return { weight: mul(target.weight, sure) };
}
