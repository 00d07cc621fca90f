import type { Dataset } from '@dinomix/core';
import { orientationOf } from '@dinomix/volume';

/** Cases that are looked at: reading a scan takes a third of a second. */
const LOOKED_AT = 4;

/**
 * Where the axes i, j, k of the training files point, as `LAS`, judged by the first labelled cases; null where they are
 * turned to RAS+ anyway, differ, or are not known. Labels are not opened.
 */
export async function trainedAxes(
  dataset: Pick<Dataset, 'preprocessing' | 'splits' | 'hasAxes' | 'readCase'>,
): Promise<string | null> {
  if (dataset.preprocessing.orientation !== 'keep' || dataset.hasAxes === false) return null;
  const axes = new Set<string>();
  for (const id of dataset.splits.labelled.slice(0, LOOKED_AT)) {
    const { image } = await dataset.readCase(id, 'unlabelled');
    axes.add(orientationOf(image.affine));
  }
  const [first = null] = axes;
  return axes.size === 1 ? first : null;
}
