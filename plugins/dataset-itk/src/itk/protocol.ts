import type { VoxelArray } from '@dinomix/volume';

/** An image as ITK has it: x first, lengths in mm, world axes to the left, posterior and superior (LPS). */
export interface ItkImage<T = VoxelArray> {
  /** Voxels along x, y and further axes. */
  readonly size: readonly number[];
  readonly spacing: readonly number[];
  /** LPS+ mm of the first voxel. */
  readonly origin: readonly number[];
  /** Square matrix in rows; column a is the direction of axis a. */
  readonly direction: readonly number[];
  /** x fastest. */
  readonly data: T;
}

/** What the thread is asked for. Paths are absolute: ITK mounts their folders. */
export type ItkRequest =
  | { readonly kind: 'read-image'; readonly file: string; readonly maxBytes: number }
  /** As read-image, without voxels. */
  | { readonly kind: 'inspect-image'; readonly file: string; readonly maxBytes: number }
  | { readonly kind: 'read-series'; readonly files: readonly string[] }
  | {
      readonly kind: 'write-image';
      readonly file: string;
      readonly image: ItkImage<Uint8Array>;
      readonly metadata: readonly (readonly [string, string])[];
    };

/** Why an image was not read, beside what ITK itself says. */
export interface ItkRefusal {
  readonly reason: 'kind' | 'size';
  readonly text: string;
}

/** What the thread answers. */
export type ItkAnswer =
  | {
      readonly kind: 'image';
      readonly image: ItkImage;
      /** Element type in the file: `uint8`, `int16`, `float32` and so on. */
      readonly datatype: string;
      readonly files: readonly string[];
    }
  | { readonly kind: 'written' }
  | { readonly kind: 'refused'; readonly refusal: ItkRefusal }
  | { readonly kind: 'failed'; readonly text: string };
