import type { Index3, Preprocessing, SliceReport } from '@dinomix/core';

/** What a slice is cut from. */
export interface SliceSource {
  readonly caseId: string;
  readonly shape: Index3;
  readonly spacing: Index3;
  /** `[d, h, w]`, normalised. */
  readonly image: Float32Array;
  readonly prediction: Uint8Array;
  readonly reference: Uint8Array | null;
  readonly preprocessing: Preprocessing;
}

/** The axial slice with the most foreground classes, and among these with the most foreground voxels. */
function richestSlice(labels: Uint8Array, [depth, height, width]: Index3): number {
  const area = height * width;
  let best = { slice: Math.floor(depth / 2), classes: 0, voxels: 0 };
  for (let slice = 0; slice < depth; slice++) {
    const seen = new Set<number>();
    let voxels = 0;
    for (let index = slice * area; index < (slice + 1) * area; index++) {
      if (labels[index] === 0) continue;
      seen.add(labels[index]!);
      voxels++;
    }
    if (seen.size > best.classes || (seen.size === best.classes && voxels > best.voxels)) {
      best = { slice, classes: seen.size, voxels };
    }
  }
  return best.slice;
}

function base64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

/** The slice that shows most of a case, as grey values with prediction and reference. */
export function cutSlice(source: SliceSource): SliceReport {
  const { caseId, shape, spacing, image, prediction, reference, preprocessing } = source;
  const [, height, width] = shape;
  const sliceIndex = richestSlice(reference ?? prediction, shape);
  const [from, to] = [sliceIndex * height * width, (sliceIndex + 1) * height * width];
  const { orientation } = preprocessing;
  const [black, white] = preprocessing.normalisation.display;
  const grey = Uint8Array.from(image.subarray(from, to), (value) =>
    Math.round(255 * Math.min(Math.max((value - black) / (white - black), 0), 1)),
  );
  return {
    caseId,
    sliceIndex,
    shape: [height, width],
    spacing: [spacing[1], spacing[2]],
    orientation,
    image: base64(grey),
    prediction: base64(prediction.subarray(from, to)),
    reference: reference && base64(reference.subarray(from, to)),
  };
}
