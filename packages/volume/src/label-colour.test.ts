import { expect, it } from 'vitest';
import { labelColour, type Rgb } from './label-colour.js';

type Vector = readonly number[];

const product = (matrix: readonly Vector[], vector: Vector): Vector =>
  matrix.map((row) => row.reduce((sum, factor, index) => sum + factor * vector[index]!, 0));

/** IEC 61966-2-1. */
const linear = (channel: number): number => {
  const value = channel / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
};

/** Ottosson 2020. */
function oklab(rgb: Vector): Vector {
  const toCones = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ];
  const toLab = [
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ];
  return product(toLab, product(toCones, rgb).map(Math.cbrt));
}

/** Machado, Oliveira and Fernandes 2009, severity 1. */
const VISIONS: Readonly<Record<string, readonly Vector[]>> = {
  full: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

function seen(colour: Rgb, vision: readonly Vector[]): Vector {
  return oklab(product(vision, colour.map(linear)).map((value) => Math.min(Math.max(value, 0), 1)));
}

// A difference of about 0.02 in OKLab is just noticeable.
it.each([
  ['full', 0.14],
  ['protanopia', 0.08],
  ['deuteranopia', 0.08],
] as const)('tells 16 values apart with %s colour vision', (name, least) => {
  const colours = Array.from({ length: 17 }, (_, value) => seen(labelColour(value), VISIONS[name]!));
  const distances = colours.flatMap((one, index) =>
    colours.slice(index + 1).map((other) => Math.hypot(...one.map((value, axis) => value - other[axis]!))),
  );
  expect(Math.min(...distances)).toBeGreaterThan(least);
});

it('goes on with hues, in whole numbers', () => {
  for (let value = 17; value < 300; value++) {
    for (const channel of labelColour(value)) {
      expect(Number.isInteger(channel) && channel >= 0 && channel <= 255).toBe(true);
    }
  }
});
