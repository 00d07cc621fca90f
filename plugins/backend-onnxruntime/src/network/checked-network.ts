import type { Index3, Network } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';
import { createOnnxRuntimeError } from '../session/errors.js';
import type { ModelFile } from './model-file.js';

/** What a network takes and gives. */
export type NetworkForm = Pick<ModelFile, 'metadata' | 'inputSides' | 'channels' | 'classes' | 'multiple'>;

/** A network, and how it is run. */
export interface InferenceNetwork extends Network {
  /** `planes` runs this package's own lowering of a student or of a file made from one, `plain` a file as it is. */
  readonly lowering: 'planes' | 'plain';
}

/** [b, d, h, w, c] */
export type ImageShape = readonly [number, number, number, number, number];

/** What `run` gives. */
export type Logits = Awaited<ReturnType<Network['run']>>;

/** Lets timers and signals of this thread run between two samples: a run blocks it. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What both ways of running a network share: metadata, checks of what it is given, disposal. */
export abstract class CheckedNetwork implements InferenceNetwork {
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputSides: readonly (number | null)[];
  readonly classCount: number | null;
  abstract readonly lowering: 'planes' | 'plain';
  protected readonly form: NetworkForm;
  private disposed = false;

  constructor(form: NetworkForm) {
    this.form = form;
    this.metadata = form.metadata;
    this.classCount = form.classes ?? null;
    const [batch, channels, ...size] = form.inputSides.map((side) => side ?? null);
    this.inputSides = [batch!, ...size, channels!];
  }

  abstract run(x: Float32Array, shape: ImageShape): Promise<Logits>;
  protected abstract release(): void;

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.release();
  }

  protected assertAlive(): void {
    if (this.disposed) {
      throw createOnnxRuntimeError('DMX_ENGINE_DISPOSED', 'the network was disposed of', 'Load it again.');
    }
  }

  /** @throws Error when the image does not fit the network. */
  protected checkImage(x: Float32Array, shape: ImageShape): void {
    this.assertAlive();
    const [, depth, height, width, channels] = shape;
    this.checkSize([depth, height, width]);
    if (channels !== this.form.channels)
      throw new Error(`the network takes ${this.form.channels} channels, not ${channels}`);
    if (x.length !== product(shape))
      throw new Error(`an image [${shape}] has ${product(shape)} numbers, found ${x.length}`);
  }

  protected checkSize(size: Index3): void {
    const { inputSides, multiple } = this.form;
    const fixed = inputSides.slice(2);
    if (fixed.some((side, axis) => side !== undefined && side !== size[axis])) {
      throw new Error(`the network takes images [${fixed.map((side) => side ?? 'any')}], not [${size}]`);
    }
    if (size.some((side, axis) => side <= 0 || side % multiple[axis]! !== 0)) {
      throw new Error(`the network takes sides that are multiples of [${multiple}], not [${size}]; pad the image`);
    }
  }
}
