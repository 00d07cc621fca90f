import { definePlugin } from '@dinomix/core';
import type { Converted, ConvertRequest } from './convert/convert.js';
import type { Fetched, FetchRequest } from './fetch/fetch.js';
import { optionsSchema, withAbsolutePaths } from './options.js';
import type { Shown, ShowRequest } from './show/show.js';

export type { Converted, ConvertRequest } from './convert/convert.js';
export type { Fetched, FetchOffer, FetchProgress, FetchRequest } from './fetch/fetch.js';
export type { Shown, ShowRequest } from './show/show.js';

/** The teacher `dinov3`: a frozen DINOv3, or a random network of its architecture as control. */
export const dinov3 = definePlugin({
  name: '@dinomix/teacher-dinov3',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['teacher:dinov3'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('teacher', 'dinov3', async ({ resolvePath }) => {
      const { createDinov3 } = await import('./dinov3.js');
      return createDinov3(withAbsolutePaths(options, resolvePath));
    });
  },
});

/**
 * Converts DINOv3 weights (safetensors with the keys of transformers, timm or Meta) into an ONNX file for the option
 * `model`. One tensor at a time is in memory, and the file is there whole or not at all.
 * @throws DmxError `DMX_DINOV3_*` naming file, value and cure; VolumeError `DMX_SAFETENSORS_*`, `DMX_FILE_*`.
 */
export async function convertWeights(request: ConvertRequest): Promise<Converted> {
  return (await import('./convert/convert.js')).convertWeights(request);
}

/**
 * Downloads weights from the Hugging Face hub or a mirror, once `accept` has said yes to the licence: verified, gone on with
 * where it was broken off, with a receipt beside them.
 * @throws DmxError `DMX_FETCH_*` naming address, value and cure.
 */
export async function fetchWeights(request: FetchRequest): Promise<Fetched> {
  return (await import('./fetch/fetch.js')).fetchWeights(request);
}

/**
 * Draws what a teacher makes of a volume: principal components of its tokens, and cosines with that of a voxel; as PNG files
 * and as a page in which any token can be clicked.
 * @throws DmxError `DMX_DINOV3_OPTIONS`; Error for an unusable model.
 */
export async function showTeacher(request: ShowRequest): Promise<Shown> {
  return (await import('./show/show.js')).showTeacher(request);
}
