import type { CaseReader, CaseRole, Index3 } from '@dinomix/core';
import { countLabels, type VoxelArray } from '@dinomix/volume';

/** Percentiles that a survey gives. */
export const SURVEY_PERCENTILES = [0, 0.5, 5, 25, 50, 75, 95, 99.5, 100] as const;

/** What one case is like, before preparation. */
export interface CaseSurvey {
  readonly caseId: string;
  readonly role: CaseRole;
  /** `[d, h, w]`, voxels. */
  readonly shape: Index3;
  /** `[d, h, w]`, mm. */
  readonly spacing: Index3;
  /** Intensities at {@link SURVEY_PERCENTILES}, over at most a million voxels evenly spread. */
  readonly intensities: readonly number[];
  /** The same over the voxels of the classes; null without a label. */
  readonly foreground: readonly number[] | null;
  /** Voxels per class `[k]`; null without a label. The label of an unlabelled case is not opened. */
  readonly voxels: readonly number[] | null;
}

const SAMPLE = 1_000_000;

/** `numpy.percentile` with linear interpolation. */
function percentiles(values: Float64Array): readonly number[] {
  values.sort();
  return SURVEY_PERCENTILES.map((percent) => {
    const position = (percent / 100) * (values.length - 1);
    const below = Math.floor(position);
    const lower = values[below]!;
    return lower + (values[Math.min(below + 1, values.length - 1)]! - lower) * (position - below);
  });
}

function everyNth(data: VoxelArray, chosen: (index: number) => boolean): Float64Array {
  const step = Math.max(1, Math.ceil(data.length / SAMPLE));
  const values = new Float64Array(Math.ceil(data.length / step));
  let count = 0;
  for (let index = 0; index < data.length; index += step) if (chosen(index)) values[count++] = data[index]!;
  return values.subarray(0, count);
}

/** Reads one case and describes it. @throws errors of the reader. */
export async function surveyCase(
  reader: CaseReader,
  caseId: string,
  role: CaseRole,
  classCount: number,
): Promise<CaseSurvey> {
  const { image, label } = await reader.readCase(caseId, role);
  const classes = label?.data;
  const inside = classes === undefined ? null : everyNth(image.data, (index) => classes[index]! > 0);
  return {
    caseId,
    role,
    shape: image.shape,
    spacing: image.spacing,
    intensities: percentiles(everyNth(image.data, () => true)),
    foreground: inside === null || inside.length === 0 ? null : percentiles(inside),
    voxels: classes === undefined ? null : [...countLabels(classes, classCount)],
  };
}
