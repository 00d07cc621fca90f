import { extname } from 'node:path';
import type { CaseReader, JsonObject } from '@dinomix/core';
import { type CaseFormat, createReader, type FileInspection, type FormatSource, type ReaderPlan } from '@dinomix/data';
import { createGrid, type StoredArray, settleNonFinite, type Triple, toVoxelArray, type Volume } from '@dinomix/volume';
import { type ArrayOrder, type Axes, orderElements, volumeSizes } from './axes.js';
import { readH5, readH5Header } from './h5.js';
import { readNpy, readNpyHeader } from './npy.js';

/** How the files of a folder are read. */
export interface ArraysReading {
  readonly kind: 'npy' | 'h5';
  readonly axes: Axes;
  /** Millimetres between voxels [z, y, x]; the files hold none. */
  readonly spacing: Triple;
  /** Names of the arrays in an h5 file. */
  readonly image: string;
  readonly label: string;
  /** Stands in for NaN and infinite intensities; null makes them an error. */
  readonly replaceNonFinite: number | null;
}

interface Header {
  readonly datatype: string;
  readonly shape: Triple;
  readonly fortranOrder?: boolean;
}

function orderOf({ shape, fortranOrder = false }: Header, axes: Axes): ArrayOrder {
  return { shape, axes, fortranOrder };
}

function volumeOf(read: Header & { readonly data: StoredArray }, { axes, spacing }: ArraysReading): Volume {
  const order = orderOf(read, axes);
  return { ...createGrid(volumeSizes(order), spacing), data: orderElements(toVoxelArray(read.data), order) };
}

function noteOf(shape: Triple, expected: Triple | null): Pick<FileInspection, 'notes'> {
  if (expected === null || expected.every((size, axis) => size === shape[axis])) return {};
  const message = `has the shape [${shape}] (z, y, x); the files of this protocol have [${expected}]`;
  const fix = `option grid: { shape: [${expected.join(', ')}] } resizes it; option axes tells which axis comes first`;
  return { notes: [{ severity: 'warning', message, fix }] };
}

/**
 * The format of npy and h5 files.
 * @param expected - shape that the images of the protocol have, for the check; null expects none.
 */
export function createArraysFormat(reading: ArraysReading, expected: Triple | null = null): CaseFormat {
  const { kind, axes, spacing } = reading;
  const headerOf = (file: string, name: string): Promise<Header> =>
    kind === 'npy' ? readNpyHeader(file) : readH5Header(file, name);
  const read = async (file: string, name: string) =>
    volumeOf(kind === 'npy' ? await readNpy(file) : await readH5(file, name), reading);
  const gridOf = (header: Header) => createGrid(volumeSizes(orderOf(header, axes)), spacing);
  return {
    inspectImage: async (file) => {
      const header = await headerOf(file, reading.image);
      const grid = gridOf(header);
      return { grid, datatype: header.datatype, ...noteOf(grid.shape, expected) };
    },
    inspectLabel: async (file) => {
      const header = await headerOf(file, reading.label);
      // The preprocessing of DHC and A&D writes whole numbers as float32; what is none is found voxel by voxel.
      return { grid: gridOf(header), datatype: header.datatype.startsWith('float') ? null : header.datatype };
    },
    readImage: async (file) => {
      const volume = await read(file, reading.image);
      settleNonFinite(volume.data, volume.shape, file, reading.replaceNonFinite ?? undefined);
      return volume;
    },
    readLabel: (file) => read(file, reading.label),
  };
}

/** The format with the place where loader threads find it. */
export function arraysFormat(reading: ArraysReading, expected: Triple | null): FormatSource {
  const module = new URL(`./format${extname(import.meta.url)}`, import.meta.url).href;
  return {
    format: createArraysFormat(reading, expected),
    hasAxes: false,
    reading: reading as unknown as JsonObject,
    module,
  };
}

/**
 * The reader of a loader thread, which finds it by the URL of this module.
 * @public
 */
export function createCaseReader(options: JsonObject): CaseReader {
  const plan = options as unknown as ReaderPlan;
  return createReader(plan, createArraysFormat(plan.reading as unknown as ArraysReading));
}
