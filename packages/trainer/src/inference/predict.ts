import type { CaseData, Preprocessing } from '@dinomix/core';
import { type PreparedCase, prepareCase } from '@dinomix/data/prepare';
import type { Volume } from '@dinomix/volume';
import { labelsOfSource, restoreLabels } from './labels.js';
import { type SlidingWindowOptions, slidingWindow, type WindowNetwork, type WindowWatch } from './sliding-window.js';

/** What a prediction needs besides the image. */
export interface PredictOptions extends SlidingWindowOptions, WindowWatch {
  readonly network: WindowNetwork;
  readonly preprocessing: Preprocessing;
}

/** The image of a case that is nobody's, prepared. */
export function prepareImage(image: Volume, { preprocessing, classCount }: PredictOptions): PreparedCase {
  const data: CaseData = { id: 'image', role: 'test', files: { image: 'image', label: null }, image, label: null };
  return prepareCase(data, preprocessing, classCount);
}

/**
 * Most probable classes of one image: preprocessing, sliding window, back to the grid and orientation of the file. The
 * network may be the one of a run or an exported one.
 * @throws DMX_NETWORK_OUTPUT where an output is not finite.
 */
export async function predictPrepared(prepared: PreparedCase, options: PredictOptions): Promise<Volume<Uint8Array>> {
  const { network, preprocessing, classCount } = options;
  const found = labelsOfSource(prepared, preprocessing, classCount);
  await slidingWindow(prepared, network, options, [found], options);
  return restoreLabels(found.labels, prepared, preprocessing);
}
