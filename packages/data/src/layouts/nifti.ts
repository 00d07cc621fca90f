import { extname } from 'node:path';
import type { CaseReader, ImageReading, JsonObject } from '@dinomix/core';
import { type NiftiInfo, type ReadNiftiOptions, readNifti, readNiftiInfo } from '@dinomix/volume';
import type { CaseFormat, FileInspection, FormatSource } from './case-format.js';
import { createReader, type ReaderPlan } from './reader.js';

/** How NIfTI files are read. */
export interface NiftiReading {
  /** The matrix to take where the two of a file disagree; null makes that an error. */
  readonly geometry: 'sform' | 'qform' | null;
  /** Stands in for NaN and infinite intensities; null makes them an error. */
  readonly replaceNonFinite: number | null;
  /** Which volume of an image with a fourth axis; absent makes such an image an error. */
  readonly frame?: number;
}

// xyzt_units, lower three bits; undefined is what is read.
const UNITS: Readonly<Record<number, string | undefined>> = { 1: 'metres', 2: undefined, 3: 'micrometres' };

function inspectionOf({ header, grid }: NiftiInfo): FileInspection {
  const unit = header.units & 7;
  return { grid, datatype: header.datatype, unit: unit in UNITS ? UNITS[unit] : null };
}

/** A header that does not say where its voxels lie: nibabel takes their axes as L, A, S, other programs as R, A, S. */
function placementNotes({ header }: NiftiInfo): Pick<FileInspection, 'notes'> {
  if (header.sformCode > 0 || header.qformCode > 0) return {};
  const message =
    'does not say where its voxels lie (sform_code and qform_code are 0): axes are taken as left, anterior, superior';
  const fix = 'write the matrix of the scan into the header, with its code; left and right may be exchanged otherwise';
  return { notes: [{ severity: 'warning', message, fix }] };
}

// Headers and label names; voxels are no objects.
const HEAP_MB = 128;

type Memory = Pick<ReadNiftiOptions, 'scratch'>;

function createNiftiFormat({ geometry, replaceNonFinite, frame }: NiftiReading, memory: Memory = {}): CaseFormat {
  const placement = geometry === null ? {} : { geometry };
  const ofImage = frame === undefined ? placement : { ...placement, frame };
  const intensities = replaceNonFinite === null ? ofImage : { ...ofImage, replaceNonFinite };
  return {
    inspectImage: async (file) => {
      const info = await readNiftiInfo(file, ofImage);
      return { ...inspectionOf(info), ...placementNotes(info) };
    },
    inspectLabel: async (file) => inspectionOf(await readNiftiInfo(file, placement)),
    readImage: async (file) => (await readNifti(file, { ...intensities, ...memory })).volume,
    readLabel: async (file) => (await readNifti(file, { ...placement, ...memory })).volume,
  };
}

/** The format of NIfTI files. */
export function niftiFormat({ geometry, replaceNonFinite, frame }: NiftiReading): FormatSource {
  const chosen = frame === undefined ? {} : { frame };
  const reading = { geometry, replaceNonFinite, ...chosen };
  const module = new URL(`./nifti${extname(import.meta.url)}`, import.meta.url).href;
  return { format: createNiftiFormat(reading), reading, module, heapMb: HEAP_MB };
}

/** How a prediction reads the images of a benchmark, whose cases are one NIfTI file each. */
export function niftiFileReading(
  { geometry, replaceNonFinite }: Pick<NiftiReading, 'geometry' | 'replaceNonFinite'>,
  isHu: boolean,
): ImageReading {
  return {
    channel: null,
    channelNames: isHu ? ['CT'] : [],
    isHu,
    frame: null,
    geometry,
    replaceNonFinite,
    spacingTolerance: null,
    series: {},
  };
}

/** Memory that grows to the largest request and is given again and again: a thread reads one file at a time. */
function createScratch(): (bytes: number) => Uint8Array<ArrayBuffer> {
  let memory = new Uint8Array(0);
  return (bytes) => {
    if (memory.byteLength < bytes) memory = new Uint8Array(bytes);
    return memory;
  };
}

/**
 * The reader of a loader thread, which finds it by the URL of this module. It reads one case at a time.
 * @public
 */
export function createCaseReader(options: JsonObject): CaseReader {
  const plan = options as unknown as ReaderPlan;
  const memory = { scratch: createScratch() };
  return createReader(plan, createNiftiFormat(plan.reading as unknown as NiftiReading, memory));
}
