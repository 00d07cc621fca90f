type Three = readonly [number, number, number];

// Linear sRGB to XYZ (IEC 61966-2-1), white D65.
const TO_XYZ: readonly Three[] = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];
const WHITE: Three = [0.950456, 1, 1.088754];

function linear(value: number): number {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function labCurve(share: number): number {
  return share > (6 / 29) ** 3 ? Math.cbrt(share) : share / (3 * (6 / 29) ** 2) + 4 / 29;
}

/**
 * The colour as RecommendedDisplayCIELabValue has it: L*, a* and b*, each as 16 bits (PS3.3 C.10.7.1.1).
 *
 * @param rgb - sRGB, 0..255
 * @remarks Relative to D65, as dcmqi, 3D Slicer and dcmjs (OHIF) write and read it. The white of ICC profiles, D50, puts
 * saturated colours out of the range of those readers.
 */
export function dicomColour(rgb: Three): Three {
  const parts = rgb.map(linear);
  const [x, y, z] = TO_XYZ.map((row, axis) =>
    labCurve(row.reduce((sum, weight, part) => sum + weight * parts[part]!, 0) / WHITE[axis]!),
  ) as [number, number, number];
  const shares = [(116 * y - 16) / 100, (500 * (x - y) + 128) / 255, (200 * (y - z) + 128) / 255];
  return shares.map((share) => Math.round(Math.min(1, Math.max(0, share)) * 65535)) as unknown as Three;
}
