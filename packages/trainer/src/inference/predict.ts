import type { CaseData, Preprocessing } from '@dinomix/core';
import type { Volume } from '@dinomix/volume';
import { prepareCase } from '../data/prepare-case.js';
import { restoreLabels } from './labels.js';
import { type SlidingWindowOptions, slidingWindow, type WindowNetwork, type WindowWatch } from './sliding-window.js';

/** What a prediction needs besides the image. */
export interface PredictOptions extends SlidingWindowOptions, WindowWatch {
  readonly network: WindowNetwork;
  readonly preprocessing: Preprocessing;
}

/**
 * Most probable classes of one image: preprocessing, sliding window, back to the grid and orientation of the file. The
 * network may be the one of a run or an exported one.
 * @throws DMX_NETWORK_OUTPUT where an output is not finite.
 */
export async function predictImage(image: Volume, options: PredictOptions): Promise<Volume<Uint8Array>> {
  const { network, preprocessing, classCount } = options;
  const data: CaseData = { id: 'image', role: 'test', files: { image: 'image', label: null }, image, label: null };
  const prepared = prepareCase(data, preprocessing, classCount);
  const scores = await slidingWindow(prepared, network, options, options);
  try {
    return restoreLabels(scores, prepared.shape, prepared.source, preprocessing, prepared.box);
  } finally {
    scores.dispose();
  }
}
