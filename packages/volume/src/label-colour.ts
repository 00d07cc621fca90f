/** sRGB, 0..255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/*
 * Sixteen colours, as far apart as a search found: for full colour vision, and as seen with protanopia and deuteranopia
 * (Machado et al. 2009), all of them visible on black, on a grey scan and on paper.
 */
const COLOURS: readonly Rgb[] = [
  [150, 0, 165],
  [255, 150, 0],
  [165, 135, 0],
  [135, 255, 60],
  [75, 135, 135],
  [120, 90, 0],
  [240, 210, 180],
  [240, 45, 120],
  [45, 135, 255],
  [0, 195, 255],
  [255, 135, 210],
  [75, 0, 255],
  [210, 60, 210],
  [135, 195, 120],
  [135, 240, 255],
  [150, 60, 90],
];

const GOLDEN_ANGLE = 137.508;

/** Hues a golden angle apart: neighbouring values are easy to tell apart. */
function turnedHue(value: number): Rgb {
  const hue = (value * GOLDEN_ANGLE) % 360;
  const channel = (offset: number) => {
    const k = (offset + hue / 30) % 12;
    return Math.round(255 * (0.55 - 0.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/**
 * Colour of a label value, the same wherever it is shown. Values 1 to 16 can be told apart, by most people with a colour
 * vision deficiency too; there are not more such colours, and higher values differ from their neighbours only. 0 is black.
 */
export function labelColour(value: number): Rgb {
  if (value === 0) return [0, 0, 0];
  return COLOURS[value - 1] ?? turnedHue(value);
}
