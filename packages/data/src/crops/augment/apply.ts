import type { AugmentationStep, Index3 } from '@dinomix/core';
import { blur, brighten, contrast, gammaCurve } from './intensity.js';
import { resampleImage, resampleLabel, rotation, scaling } from './spatial.js';

function applyStep(
  image: Float32Array,
  label: Uint8Array | null,
  shape: Index3,
  { kind, value }: AugmentationStep,
): void {
  switch (kind) {
    case 'rotate':
    case 'scale': {
      const matrix = kind === 'rotate' ? rotation(value) : scaling(value);
      resampleImage(image, shape, matrix);
      if (label !== null) resampleLabel(label, shape, matrix);
      break;
    }
    case 'blur':
      blur(image, shape, value);
      break;
    case 'brightness':
      brighten(image, value);
      break;
    case 'contrast':
      contrast(image, value);
      break;
    case 'gamma':
      gammaCurve(image, value);
      break;
  }
}

/** Applies the steps in their order to a crop and its label, in place. */
export function augment(
  image: Float32Array,
  label: Uint8Array | null,
  shape: Index3,
  steps: readonly AugmentationStep[],
): void {
  for (const step of steps) applyStep(image, label, shape, step);
}
