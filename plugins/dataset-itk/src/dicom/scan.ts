import { resolve } from 'node:path';
import { ItkError } from '../errors.js';
import { filesIn } from '../files-behind.js';
import { headerOf, type SliceHeader } from './header.js';
import { damaged, type ParsedDicom, parseHeader } from './parse.js';

/** Images of one SeriesInstanceUID, in the order of their file names. */
export interface DicomSeries {
  readonly uid: string;
  readonly description: string;
  readonly modality: string;
  readonly number: number | null;
  readonly slices: readonly SliceHeader[];
}

/** What a folder holds. */
export interface DicomScan {
  readonly series: readonly DicomSeries[];
  /** Files that are no part of a series, and why. */
  readonly ignored: readonly { readonly file: string; readonly reason: string }[];
}

// CT, MR, PET and their enhanced forms: such an object without pixels was cut off.
const IMAGES = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(2|2\.1|4|4\.1|128|130)$/;

/** Why a file is no slice of a volume; null where it is one. @throws ItkError `DMX_DICOM_SLICE` for an image without pixels. */
function reasonToIgnore({ file, dataSet }: ParsedDicom, header: SliceHeader | null): string | null {
  if (header === null) {
    if (!IMAGES.test(dataSet.string('x00080016') ?? '')) return 'is DICOM without an image';
    const fix = 'the file is cut off: fetch it again, or take it out of the folder';
    throw new ItkError('DMX_DICOM_SLICE', { file, problem: 'is an image without pixels', fix });
  }
  if (header.modality === 'SEG') return 'is a DICOM segmentation';
  if (header.position !== null || header.frames > 1) return null;
  return 'is an image without a position in the patient';
}

/** The header of an image; null where a file has none. @throws ItkError `DMX_DICOM_SLICE` for attributes that break off. */
function headerIn(parsed: ParsedDicom): SliceHeader | null {
  try {
    return headerOf(parsed);
  } catch (thrown) {
    throw damaged(parsed.file, thrown);
  }
}

function seriesOf(headers: readonly SliceHeader[]): DicomSeries[] {
  const groups = new Map<string, SliceHeader[]>();
  for (const header of headers) {
    const group = groups.get(header.series);
    if (group === undefined) groups.set(header.series, [header]);
    else group.push(header);
  }
  return [...groups].map(([uid, slices]) => {
    const { description, modality, seriesNumber } = slices[0]!;
    return { uid, description, modality, number: seriesNumber, slices };
  });
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    return await filesIn(folder);
  } catch (cause) {
    const problem = `cannot be read: ${(cause as Error).message}`;
    throw new ItkError('DMX_DICOM_SERIES', { file: folder, problem, fix: 'name a folder that can be read', cause });
  }
}

/**
 * Reads the headers of all files of a folder (not of its subfolders) and groups the images by series. What is no DICOM
 * image with a place in the patient is listed as ignored.
 *
 * @throws ItkError `DMX_DICOM_SERIES` where the folder cannot be read, `DMX_DICOM_SLICE` for a damaged DICOM file.
 */
export async function scanDicomFolder(folder: string): Promise<DicomScan> {
  const headers: SliceHeader[] = [];
  const ignored: { file: string; reason: string }[] = [];
  for (const file of await filesOf(resolve(folder))) {
    const parsed = await parseHeader(file);
    const header = parsed === null ? null : headerIn(parsed);
    const reason = parsed === null ? 'is not DICOM' : reasonToIgnore(parsed, header);
    if (reason === null) headers.push(header!);
    else ignored.push({ file, reason });
  }
  return { series: seriesOf(headers), ignored };
}

const nameOf = ({ uid, description, modality, slices }: DicomSeries) =>
  `${uid} "${description}" ${modality}, ${slices.length} slice${slices.length === 1 ? '' : 's'}`;

/**
 * The series of a folder: the only one, or the one that is asked for.
 *
 * @param wanted - SeriesInstanceUID
 * @throws ItkError `DMX_DICOM_SERIES` that lists the series where there is another number of them.
 */
export function chooseSeries({ series, ignored }: DicomScan, folder: string, wanted?: string): DicomSeries {
  if (series.length === 0) {
    const [first] = ignored;
    const seen = first === undefined ? 'it has no files' : `of its ${ignored.length} files the first ${first.reason}`;
    const fix = 'name the folder that directly holds the files of one CT or MR series';
    throw new ItkError('DMX_DICOM_SERIES', { file: folder, problem: `holds no DICOM image series: ${seen}`, fix });
  }
  const found = wanted === undefined ? series : series.filter(({ uid }) => uid === wanted);
  if (found.length === 1) return found[0]!;
  const list = series.map((one) => `\n  ${nameOf(one)}`).join('');
  const problem =
    wanted === undefined ? `holds ${series.length} series:${list}` : `holds no series ${wanted}, but:${list}`;
  const fix = 'choose one by its SeriesInstanceUID (option series), or give each series a folder of its own';
  throw new ItkError('DMX_DICOM_SERIES', { file: folder, problem, fix });
}
