import { parentPort, workerData } from 'node:worker_threads';
import type { StoredArray } from '@dinomix/volume';
import type { Image } from 'itk-wasm';
import type { ItkAnswer, ItkImage, ItkRefusal, ItkRequest } from './protocol.js';
import { voxelsOf } from './voxels.js';

const BYTES: Readonly<Record<string, number>> = { int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4 };

/** An image that ITK can read and a volume cannot hold. */
class Refused extends Error {
  readonly reason: ItkRefusal['reason'];

  constructor(reason: ItkRefusal['reason'], text: string) {
    super(text);
    this.reason = reason;
  }
}

/** Throws where an image is not one number per voxel on two or three axes, or is larger than allowed. */
function assertReadable({ imageType, size }: Image, maxBytes: number): void {
  if (imageType.components !== 1) {
    throw new Refused('kind', `has ${imageType.components} numbers per voxel (${imageType.pixelType})`);
  }
  const axes = size.length;
  if (axes < 2 || size.slice(3).some((extent) => extent !== 1)) {
    throw new Refused('kind', `has ${axes} axes: ${size.join(' x ')} voxels`);
  }
  const bytes = size.reduce((product, extent) => product * extent, BYTES[imageType.componentType] ?? 8);
  if (bytes > maxBytes) {
    const what = `${size.join(' x ')} voxels of ${imageType.componentType}`;
    throw new Refused('size', `announces ${what}, that is ${bytes} bytes; at most ${maxBytes} are possible`);
  }
}

function imageOf({ size, spacing, origin, direction, data }: Image): ItkImage {
  const rank = size.length;
  const kept = Math.min(3, rank);
  const matrix = Array.from(direction as Float64Array);
  const rows = Array.from({ length: kept }, (_, row) => matrix.slice(row * rank, row * rank + kept));
  return {
    size: size.slice(0, 3),
    spacing: spacing.slice(0, 3),
    origin: origin.slice(0, 3),
    direction: rows.flat(),
    // ITK has no clamped array.
    data: voxelsOf((data ?? new Uint8Array()) as StoredArray),
  };
}

async function readImage(file: string, maxBytes: number, informationOnly: boolean): Promise<ItkAnswer> {
  const { readImageNode } = await import('@itk-wasm/image-io');
  const header = await readImageNode(file, { informationOnly: true });
  assertReadable(header, maxBytes);
  const image = imageOf(informationOnly ? header : await readImageNode(file));
  return { kind: 'image', image, datatype: header.imageType.componentType, files: [file] };
}

// singleSortedSeries would mean that the files are in order already: unsorted ones then get a wrong spacing, silently.
async function readSeries(files: readonly string[]): Promise<ItkAnswer> {
  const { readImageDicomFileSeriesNode } = await import('@itk-wasm/dicom');
  const { outputImage, sortedFilenames } = await readImageDicomFileSeriesNode({ inputImages: [...files] });
  assertReadable(outputImage, Number.POSITIVE_INFINITY);
  const { componentType: datatype } = outputImage.imageType;
  return { kind: 'image', image: imageOf(outputImage), datatype, files: sortedFilenames as unknown as string[] };
}

async function writeImage(request: Extract<ItkRequest, { kind: 'write-image' }>): Promise<ItkAnswer> {
  const { writeImageNode } = await import('@itk-wasm/image-io');
  const { file, image, metadata } = request;
  const imageType = { dimension: 3, componentType: 'uint8', pixelType: 'Scalar', components: 1 };
  const { size, spacing, origin } = image;
  const written = {
    imageType,
    name: 'labels',
    size: [...size],
    spacing: [...spacing],
    origin: [...origin],
    direction: Float64Array.from(image.direction),
    // ITK copies the whole buffer of an array, so that a view must not be handed over.
    data: image.data.slice(),
    metadata: new Map(metadata),
  };
  await writeImageNode(written as unknown as Image, file, { useCompression: true });
  return { kind: 'written' };
}

async function answer(request: ItkRequest): Promise<ItkAnswer> {
  if (request.kind === 'read-image') return readImage(request.file, request.maxBytes, false);
  if (request.kind === 'inspect-image') return readImage(request.file, request.maxBytes, true);
  if (request.kind === 'read-series') return readSeries(request.files);
  return writeImage(request);
}

/** ITK rejects with an Error, with an object that says nothing, or with the address of a C++ exception. */
function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : '';
}

async function serve(request: ItkRequest): Promise<void> {
  const port = parentPort!;
  try {
    const result = await answer(request);
    const transfer = result.kind === 'image' ? [result.image.data.buffer as ArrayBuffer] : [];
    port.postMessage(result, transfer);
  } catch (thrown) {
    const failure: ItkAnswer =
      thrown instanceof Refused
        ? { kind: 'refused', refusal: { reason: thrown.reason, text: thrown.message } }
        : { kind: 'failed', text: textOf(thrown) };
    port.postMessage(failure);
  }
}

await serve(workerData as ItkRequest);
