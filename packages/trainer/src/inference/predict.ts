import type { CaseData, Preprocessing } from '@dinomix/core';
import type { Volume } from '@dinomix/volume';
import { prepareCase } from '../data/prepare-case.js';
import { restoreLabels } from './labels.js';
import { type SlidingWindowOptions, slidingWindow, type WindowNetwork } from './sliding-window.js';

/** What a prediction needs besides the image. */
export interface PredictOptions extends SlidingWindowOptions {
  readonly network: WindowNetwork;
  readonly preprocessing: Preprocessing;
  readonly signal?: AbortSignal;
}

/** A prediction of one image. */
export interface Prediction {
  /** Most probable classes on the grid of the file. */
  readonly labels: Volume<Uint8Array>;
  /** `[d, h, w, k]` on the working grid. */
  readonly probabilities: Float32Array;
}

/**
 * Predicts one image: preprocessing, sliding window, back to the grid and orientation of the file. The network may be the
 * one of a run or an exported one.
 */
export async function predictImage(image: Volume<Float32Array>, options: PredictOptions): Promise<Prediction> {
  const { network, preprocessing, classCount, signal } = options;
  const data: CaseData = { id: 'image', role: 'test', files: { image: 'image', label: null }, image, label: null };
  const prepared = prepareCase(data, preprocessing, classCount);
  const probabilities = await slidingWindow(prepared, network, options, signal);
  return { labels: restoreLabels(probabilities, prepared.shape, prepared.source, preprocessing), probabilities };
}
