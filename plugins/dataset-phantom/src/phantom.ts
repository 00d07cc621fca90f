import { planReorientation, reorient, type Triple, type Volume } from '@dinomix/volume';
import { buildAnatomy } from './anatomy/anatomy.js';
import type { Organ, Part } from './anatomy/part.js';
import { boundedNormal, drawPatient, type Patient } from './anatomy/patient.js';
import { type Displacement, drawDisplacement } from './render/displacement.js';
import { addNoise } from './render/noise.js';
import { Scene } from './render/scene.js';
import { drawTexture, sampleOffsets, shadeSlab, type Texture } from './render/shade.js';
import { type Placement, paintSlab } from './render/slab.js';

/**
 * Rises with every change that alters a voxel of any phantom: a run that was recorded with another version had other
 * data.
 */
export const GENERATOR_VERSION = 1;

/** Which part of the body a scan covers. */
export type FieldOfView = 'abdomen' | 'abdomen and pelvis';

/** What to generate. */
export interface PhantomRequest {
  readonly seed: number;
  /** Number of the case, from 0: each is another patient. */
  readonly item: number;
  /** Voxels [d, h, w]: slices from the feet up, rows, columns. */
  readonly shape: Triple;
  readonly field: FieldOfView;
  /** Organs in the order of their label values, starting with 1. */
  readonly organs: readonly Organ[];
  /** Standard deviation of the noise in HU. Default 12. */
  readonly noise?: number;
  /** Where the axes i, j, k of the file point to. Default LPS, the order of DICOM. */
  readonly orientation?: string;
}

/** A generated case. */
export interface Phantom {
  /** HU, -1024 to 3071. */
  readonly image: Volume<Int16Array>;
  /** 0 is background; the grid is that of the image. */
  readonly label: Volume<Uint8Array>;
}

// Heights of the first and last slice in the reference body, mm.
const FIELDS: Readonly<Record<FieldOfView, readonly [number, number]>> = {
  abdomen: [-165, 138],
  'abdomen and pelvis': [-342, 138],
};
const SLICES = 24;
const AIR_AROUND = 14;

/**
 * Generates one abdominal CT with its labels.
 *
 * @remarks The bytes depend on the request alone: every part of the body, the deformation and each slice's noise have
 * random streams of their own.
 */
export function generatePhantom(request: PhantomRequest): Phantom {
  const { seed, item, shape, organs } = request;
  const patient = drawPatient(seed, item);
  const parts = buildAnatomy(patient);
  const placement = placeScan(request, patient, parts);
  const labelOfPart = Uint8Array.from([null, ...parts.map((part) => part.organ)], (organ) =>
    organ === null ? 0 : organs.indexOf(organ) + 1,
  );
  const texture = drawTexture(patient.stream('texture').uint32() | 0);
  const displacement = drawDisplacement(patient.stream('displacement'));
  const { intensities, labels } = render(Scene.of(parts), placement, displacement, texture, labelOfPart);
  addNoise(intensities, shape, request.noise ?? 12, seed, item);
  return orient(placement, toHounsfield(intensities), labels, request.orientation ?? 'LPS');
}

/** Renders a scene some slices at a time, so that the memory beside the result stays small. */
function render(
  scene: Scene,
  placement: Placement,
  displacement: Displacement,
  texture: Texture,
  labelOfPart: Uint8Array,
): { readonly intensities: Float32Array; readonly labels: Uint8Array<ArrayBuffer> } {
  const [depth, height, width] = placement.shape;
  const area = height * width;
  const intensities = new Float32Array(depth * area);
  const labels = new Uint8Array(intensities.length);
  const offsets = sampleOffsets(placement);
  for (let first = 0; first < depth; first += SLICES) {
    const count = Math.min(SLICES, depth - first);
    const slab = paintSlab(scene, placement, displacement, first, count);
    shadeSlab(slab, texture, offsets, intensities.subarray(first * area, (first + count) * area));
    for (let row = 0; row < count * height; row++) {
      const [k, j] = [Math.floor(row / height), row % height];
      const source = ((k + 1) * (height + 2) + j + 1) * (width + 2) + 1;
      const target = first * area + row * width;
      for (let i = 0; i < width; i++) labels[target + i] = labelOfPart[slab.part[source + i]!]!;
    }
  }
  return { intensities, labels };
}

function toHounsfield(intensities: Float32Array): Int16Array<ArrayBuffer> {
  const stored = new Int16Array(intensities.length);
  for (let index = 0; index < stored.length; index++) {
    stored[index] = Math.max(-1024, Math.min(3071, Math.round(intensities[index]!)));
  }
  return stored;
}

function placeScan({ shape, field }: PhantomRequest, patient: Patient, parts: readonly Part[]): Placement {
  const rng = patient.stream('scan');
  const scale: Triple = [patient.scale[2], patient.scale[1], patient.scale[0]];
  const margin = () => boundedNormal(rng, 0, 5);
  const [bottom, top] = FIELDS[field].map((z) => (z + margin()) * scale[0]) as [number, number];
  const skin = parts.find((part) => part.layers.length === 2)!.solid.bounds;
  const width = (skin.high[0] - skin.low[0]) * scale[2] * 0.92;
  const front = skin.low[1] * scale[1] - AIR_AROUND;
  const back = skin.high[1] * scale[1] + AIR_AROUND;
  const pixel = Math.max((width + 2 * AIR_AROUND) / shape[2], (back - front) / shape[1]) * rng.uniform(1, 1.08);
  // Four decimals, as scanners give them.
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  const spacing: Triple = [round((top - bottom) / shape[0]), round(pixel), round(pixel)];
  const centre: Triple = [(bottom + top) / 2, (front + back) / 2, rng.uniform(-6, 6)];
  const origin = centre.map((middle, axis) => middle - ((shape[axis]! - 1) / 2) * spacing[axis]!);
  return { shape, spacing, scale, origin: origin as unknown as Triple };
}

function orient(
  { shape, spacing, origin }: Placement,
  image: Int16Array<ArrayBuffer>,
  label: Uint8Array<ArrayBuffer>,
  orientation: string,
): Phantom {
  const [z, y, x] = spacing;
  const affine = [
    [-x, 0, 0, -origin[2]],
    [0, -y, 0, -origin[1]],
    [0, 0, z, origin[0]],
    [0, 0, 0, 1],
  ] as const;
  const grid = { shape, spacing, affine };
  const plan = planReorientation(grid, orientation);
  return { image: reorient({ ...grid, data: image }, plan), label: reorient({ ...grid, data: label }, plan) };
}
