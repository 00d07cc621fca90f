import type { KernelConfig } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';
import { floatValue } from './elementwise.js';

interface ResizeAttributes {
  alignCorners: boolean;
  halfPixelCenters?: boolean;
  size: [number, number];
}

/** Where each output position of one axis falls on the input axis, in input positions. */
function sourcePositions(from: number, to: number, corners: boolean, offset: number): number[] {
  const aligned = corners && to > 1;
  const ratio = aligned ? (from - 1) / (to - 1) : from / to;
  return Array.from({ length: to }, (_, position) => ratio * (position + offset));
}

/** Nearest input position: rounded where corners are aligned, else the pixel in which the output's point falls. */
function nearest(from: number, to: number, { alignCorners, halfPixelCenters }: ResizeAttributes): number[] {
  const positions = sourcePositions(from, to, alignCorners, halfPixelCenters ? 0.5 : 0);
  const round = alignCorners ? Math.round : Math.floor;
  return positions.map((position) => Math.max(0, Math.min(from - 1, round(position))));
}

/** The two input positions between which an output lies, and how far along. */
interface Interpolation {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly fraction: readonly number[];
}

function interpolation(from: number, to: number, attributes: ResizeAttributes): Interpolation {
  const half = attributes.halfPixelCenters ? 0.5 : 0;
  const positions = sourcePositions(from, to, attributes.alignCorners, half).map((position) =>
    Math.max(0, position - half),
  );
  const low = positions.map((position) => Math.min(from - 1, Math.floor(position)));
  return {
    low,
    high: positions.map((position) => Math.min(from - 1, Math.ceil(position))),
    fraction: positions.map((position, index) => position - low[index]!),
  };
}

const ROWS = 1;
const COLUMNS = 2;

function withSide(shape: readonly number[], axis: number, side: number): number[] {
  return shape.map((own, index) => (index === axis ? side : own));
}

function isIdentity(positions: readonly number[], side: number): boolean {
  return positions.length === side && positions.every((position, index) => position === index);
}

/** Resizes columns, then rows. */
function separably(
  images: Value,
  size: readonly [number, number],
  resize: (value: Value, axis: number, to: number) => Value,
): Value {
  return resize(resize(images, COLUMNS, size[1]), ROWS, size[0]);
}

const resizeNearest = defineKernel<Input<'images'>, ResizeAttributes>(
  'ResizeNearestNeighbor',
  (backend, { images }, attributes) => {
    const value = separably(backend.value(images), attributes.size, (source, axis, to) => {
      const positions = nearest(source.shape[axis]!, to, attributes);
      const shape = withSide(source.shape, axis, to);
      return backend.compose('Take', [source], { axis, positions }, shape, source.dtype);
    });
    return backend.tensor(value);
  },
);

const resizeBilinear = defineKernel<Input<'images'>, ResizeAttributes>(
  'ResizeBilinear',
  (backend, { images }, attributes) => {
    const value = separably(floatValue(backend, images), attributes.size, (source, axis, to) => {
      const plan = interpolation(source.shape[axis]!, to, attributes);
      if (isIdentity(plan.low, source.shape[axis]!) && plan.fraction.every((part) => part === 0)) return source;
      return backend.compose('Interpolate', [source], { axis, ...plan }, withSide(source.shape, axis, to), 'float32');
    });
    return backend.tensor(value);
  },
);

/** Sends each gradient back to the positions it was read from. */
function composeGradient(
  backend: OnnxRuntimeBackend,
  dy: Value,
  shape: readonly number[],
  planOf: (from: number, to: number) => Interpolation,
): Value {
  const [height, width] = [shape[ROWS]!, shape[COLUMNS]!];
  return separably(dy, [height, width], (source, axis, side) => {
    const plan = planOf(side, source.shape[axis]!);
    if (isIdentity(plan.low, side) && plan.fraction.every((part) => part === 0)) return source;
    return backend.compose(
      'InterpolateGrad',
      [source],
      { axis, ...plan },
      withSide(source.shape, axis, side),
      'float32',
    );
  });
}

const nearestGradient = defineKernel<Input<'images' | 'dy'>, ResizeAttributes>(
  'ResizeNearestNeighborGrad',
  (backend, { images, dy }, attributes) => {
    const plan = (from: number, to: number): Interpolation => {
      const low = nearest(from, to, attributes);
      return { low, high: low, fraction: low.map(() => 0) };
    };
    return backend.tensor(composeGradient(backend, floatValue(backend, dy), images.shape, plan));
  },
);

const bilinearGradient = defineKernel<Input<'images' | 'dy'>, ResizeAttributes>(
  'ResizeBilinearGrad',
  (backend, { images, dy }, attributes) => {
    const plan = (from: number, to: number) => interpolation(from, to, attributes);
    return backend.tensor(composeGradient(backend, floatValue(backend, dy), images.shape, plan));
  },
);

export const resizeKernels: readonly KernelConfig[] = [
  resizeNearest,
  resizeBilinear,
  nearestGradient,
  bilinearGradient,
];
