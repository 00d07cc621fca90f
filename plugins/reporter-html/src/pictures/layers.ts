import type { ClassInfo, SliceReport } from '@dinomix/core';
import { type Palette, pngAddress } from '@dinomix/volume/page';

/** The layers of one slice as addresses for `src`. */
export interface SliceLayers {
  readonly image: string;
  readonly prediction: string;
  readonly reference: string | null;
  /** Where prediction and reference differ; null without a reference. */
  readonly errors: string | null;
  /** Classes that either of them has. */
  readonly classes: ReadonlySet<number>;
  readonly width: number;
  readonly height: number;
  /** Width of the picture over its height, in mm. */
  readonly aspect: number;
}

/** Kinds of error: foreground missed, foreground where there is none, one class for another. */
export const ERROR_COLOURS = {
  missed: [230, 159, 0],
  extra: [0, 158, 225],
  confused: [214, 39, 120],
} as const;

const OPAQUE = 235;

function bytesOf(base64: string, count: number): Uint8Array {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === count ? bytes : new Uint8Array(count);
}

/** 0 where both agree, else 1 missed, 2 extra, 3 confused. */
export function errorMap(prediction: Uint8Array, reference: Uint8Array): Uint8Array {
  return prediction.map((found, index) => {
    const expected = reference[index]!;
    if (found === expected) return 0;
    if (found === 0) return 1;
    return expected === 0 ? 2 : 3;
  });
}

function classPalette(classes: readonly ClassInfo[]): Palette {
  const size = Math.max(0, ...classes.map(({ index }) => index)) + 1;
  const byIndex = new Map(classes.map((one) => [one.index, one]));
  return Array.from({ length: Math.min(size, 256) }, (_, index) => {
    const colour = byIndex.get(index)?.colour ?? ([255, 255, 255] as const);
    return [...colour, index === 0 ? 0 : OPAQUE] as const;
  });
}

/** Turns pixels by 180°: in RAS+ rows run to anterior and columns to right, on a screen anterior is up and right is left. */
function turned(pixels: Uint8Array, orientation: SliceReport['orientation']): Uint8Array {
  return orientation === 'RAS' ? pixels.slice().reverse() : pixels;
}

/** Makes the pictures of a slice. */
export function sliceLayers(slice: SliceReport, classes: readonly ClassInfo[]): SliceLayers {
  const [height, width] = slice.shape;
  const read = (base64: string) => turned(bytesOf(base64, width * height), slice.orientation);
  const picture = (pixels: Uint8Array, palette?: Palette) =>
    pngAddress({ width, height, channels: 1, pixels }, palette);
  const palette = classPalette(classes);
  const inPalette = (pixels: Uint8Array) => pixels.map((index) => (index < palette.length ? index : 0));
  const prediction = inPalette(read(slice.prediction));
  const reference = slice.reference === null ? null : inPalette(read(slice.reference));
  const { missed, extra, confused } = ERROR_COLOURS;
  const errorPalette: Palette = [
    [0, 0, 0, 0],
    ...[missed, extra, confused].map((colour) => [...colour, OPAQUE] as const),
  ];
  return {
    image: picture(read(slice.image)),
    prediction: picture(prediction, palette),
    reference: reference && picture(reference, palette),
    errors: reference && picture(errorMap(prediction, reference), errorPalette),
    classes: new Set([...prediction, ...(reference ?? [])].filter((index) => index > 0)),
    width,
    height,
    aspect: (width * slice.spacing[1]) / (height * slice.spacing[0]),
  };
}
