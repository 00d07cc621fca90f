import { readFileSync } from 'node:fs';
import { createSurfaceMetric } from '@dinomix/metric-surface/surface';

/** ASD and HD95 of every class in voxels, as the published P1 scripts measure. A step returns the sum of all values. */
export function create({ prediction, reference, shape, classes }) {
  const metric = createSurfaceMetric({
    measures: ['asd', 'hd95'],
    unit: 'voxel',
    definition: 'medpy',
    tolerance: 1,
    empty: 'undefined',
  });
  const input = {
    prediction: new Uint8Array(readFileSync(prediction)),
    reference: new Uint8Array(readFileSync(reference)),
    shape,
    spacing: [1, 1, 1],
    classCount: classes,
  };
  return () =>
    Object.values(metric.evaluate(input))
      .flat()
      .reduce((sum, value) => sum + (value ?? 0), 0);
}
