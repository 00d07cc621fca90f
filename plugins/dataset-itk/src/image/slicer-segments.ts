import { ItkError } from '../errors.js';
import { nrrdHeader } from '../header-text.js';

/** A segment as the header of a .seg.nrrd file of 3D Slicer describes it. */
export interface SlicerSegment {
  readonly name: string;
  /** Its voxels have this value in its layer. */
  readonly value: number;
}

const FIELD = /^Segment(\d+)_(ID|Name|LabelValue|Layer):=(.*)$/gm;
const ESCAPED: Readonly<Record<string, string>> = { '\\n': '\n', '\\\\': '\\' };

/** The fields of each segment by their name, in the order of the segments' numbers. */
function fieldsOf(header: string): readonly ReadonlyMap<string, string>[] {
  const segments = new Map<number, Map<string, string>>();
  for (const [, number, field, text] of header.replaceAll('\r\n', '\n').matchAll(FIELD)) {
    const fields = segments.get(Number(number)) ?? new Map<string, string>();
    fields.set(field!, text!.replaceAll(/\\[n\\]/g, (pair) => ESCAPED[pair]!).trim());
    segments.set(Number(number), fields);
  }
  return [...segments].sort(([a], [b]) => a - b).map(([, fields]) => fields);
}

/**
 * The segments of an NRRD file as 3D Slicer writes them (`SegmentN_Name`, `SegmentN_LabelValue`, `SegmentN_Layer`); null
 * where its header has none.
 *
 * @throws ItkError `DMX_IMAGE_SEGMENTS` for several layers.
 */
export async function slicerSegments(file: string): Promise<readonly SlicerSegment[] | null> {
  if (!/\.(nrrd|nhdr)$/i.test(file)) return null;
  const header = await nrrdHeader(file);
  const fields = fieldsOf(header);
  if (fields.length === 0) return null;
  // Layers are the first of four axes. Older files say nothing of them: each segment has its own, with the value 1.
  const sizes = /^sizes:\s*(.+?)\s*$/m.exec(header)?.[1]?.split(/\s+/).map(Number) ?? [];
  const layers = sizes.length > 3 ? sizes[0]! : 1;
  const segments = fields.map((found, index) => ({
    name: found.get('Name') ?? found.get('ID') ?? `Segment${index}`,
    value: Number(found.get('LabelValue') ?? 1),
    layer: Number(found.get('Layer') ?? index),
  }));
  if (layers === 1) return segments;
  const list = segments.map(({ name, layer }) => `${name} (layer ${layer})`).join(', ');
  const problem = `has ${layers} layers, in which segments may overlap: ${list}; labels have one value in each voxel`;
  const fix =
    'in 3D Slicer take "Export to files" of the module Segmentations with the format NRRD or NIFTI, or export the ' +
    'segmentation to a labelmap in the module Data and save that: where segments overlap, the later one is kept';
  throw new ItkError('DMX_IMAGE_SEGMENTS', { file, problem, fix });
}
