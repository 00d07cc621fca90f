import type { Ops } from '../types.js';
import { registerConvTransposeGradient } from './conv-transpose-gradient.js';
import { conv3d, conv3dTranspose } from './convolution.js';
import { softmaxCrossEntropyDice } from './cross-entropy-dice.js';
import { dropout } from './dropout.js';
import { detach, scaleGradient } from './gradients.js';
import { random } from './keyed-random.js';
import { normActivation } from './normalisation.js';
import { resizeTrilinear } from './resize.js';

const COMPOSED: Ops = Object.freeze({
  conv3d,
  conv3dTranspose,
  normActivation,
  dropout,
  random,
  detach,
  scaleGradient,
  resizeTrilinear,
  softmaxCrossEntropyDice,
});

/**
 * The operations of networks and losses, composed of TensorFlow.js operations where the backend has none of its own.
 * @param fused - `ops` of the backend's session.
 */
export function createOps(fused: Partial<Ops> = {}): Ops {
  registerConvTransposeGradient();
  return Object.freeze({ ...COMPOSED, ...fused });
}
