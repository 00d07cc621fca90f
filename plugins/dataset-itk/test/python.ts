import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Debian's interpreter, for which Debian's python3-pydicom is.
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('./dicom.py', import.meta.url));

export const CRANIUM = '/usr/share/doc/invesalius-examples/examples/Cranium.inv3';
export const PYDICOM_FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
export const ITK_FILES = '/usr/share/doc/insighttoolkit5-examples/examples/Data';

function canImport(module: string): boolean {
  try {
    execFileSync(PYTHON, ['-c', `import ${module}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const hasPydicom = canImport('pydicom, numpy');

/** Whether tests run that need pydicom, and these files too; says why not. */
export function canTest(what: string, ...files: readonly string[]): boolean {
  const absent = [...(hasPydicom ? [] : ['python3-pydicom']), ...files.filter((file) => !existsSync(file))];
  if (absent.length > 0)
    console.log(`skipped: ${what} needs ${absent.join(', ')} (Debian packages, see .ci/real-data)`);
  return absent.length === 0;
}

/** What `make` of dicom.py takes. */
export interface SeriesSpec {
  readonly out: string;
  readonly cranium?: boolean;
  readonly shape?: readonly [number, number, number];
  readonly spacing?: readonly [row: number, column: number, slice: number];
  readonly orientation?: readonly number[];
  readonly origin?: readonly number[];
  /** Slices left out. */
  readonly skip?: readonly number[];
  /** What each slice moves beside the normal, mm. */
  readonly shift?: readonly number[];
  /** What single slices move along the normal, mm. */
  readonly jitter?: Readonly<Record<string, number>>;
  readonly slope?: number;
  readonly intercept?: number | null;
  readonly rle?: boolean;
  readonly series?: string;
  readonly description?: string;
  readonly modality?: string;
  readonly charset?: string;
  readonly patient?: string;
}

/** Runs one function of dicom.py. */
export function dicom<R>(name: 'make' | 'series' | 'segmentation' | 'copy' | 'snomed', spec: object): R {
  const out = execFileSync(PYTHON, [SCRIPT, name, JSON.stringify(spec)], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return JSON.parse(out) as R;
}

/** Identifiers of a series that was made. */
export interface MadeSeries {
  readonly study: string;
  readonly series: string;
  readonly frameOfReference: string;
}

export const makeSeries = (spec: SeriesSpec): MadeSeries => dicom('make', spec);

/** The voxels that `pattern` of dicom.py computes. */
export function patternOf([depth, height, width]: readonly [number, number, number]): Int16Array {
  const data = new Int16Array(depth * height * width);
  for (let index = 0; index < data.length; index++) {
    const [z, y, x] = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
    data[index] = ((z * 731 + y * 37 + x * 5) % 2000) - 1000;
  }
  return data;
}

/** The series as pydicom reads it: HU, and the affine to RAS+ mm. */
export function seriesByPydicom(folder: string) {
  const out = join(temporaryFolder(), 'hu.raw');
  const { affine, instances } = dicom<{ affine: number[][]; instances: string[] }>('series', { folder, out });
  const ras = affine.map((row, index) => (index < 2 ? row.map((value) => -value) : row));
  const bytes = readFileSync(out);
  return { affine: ras, instances, data: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) };
}

/** A segmentation as pydicom reads it. */
export interface SegmentationView {
  readonly sopClass: string;
  readonly modality: string;
  readonly patient: string;
  readonly study: string;
  readonly frameOfReference: string;
  readonly referencedSeries: string;
  readonly referencedInstances: number;
  readonly framesReferToTheirSlices: boolean;
  readonly orientation: readonly number[];
  readonly spacing: readonly number[];
  readonly frames: number;
  readonly segments: readonly {
    readonly number: number;
    readonly label: string;
    readonly algorithm: readonly string[];
    readonly type: string;
    readonly frames: number;
  }[];
}

/** A segmentation as pydicom reads it, with segment numbers on the voxels of the series. */
export function segmentationByPydicom(file: string, folder: string): SegmentationView & { readonly data: Uint8Array } {
  const out = join(temporaryFolder(), 'labels.raw');
  const view = dicom<SegmentationView>('segmentation', { file, folder, out });
  return { ...view, data: new Uint8Array(readFileSync(out)) };
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'dinomix-itk-'));
}
