import type { Index3 } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';
import { channelFirstLayout, identityLayout, relayoutHost } from '../lowering/layout.js';
import { createOnnxRuntimeError, messageOf } from '../session/errors.js';
import { createSession, type OrtSession, ort, type SessionOptions } from '../session/runtime.js';
import { runFailure } from './compile.js';
import { type ImageShape, LoadedFile, type Logits, turn } from './loaded-file.js';
import type { ModelFile } from './model-file.js';
import { mirrored } from './window-rows.js';
import { checkRequest, checkWindows, largestLane, NO_MIRROR, type WindowRequest, type WindowSum } from './windows.js';
import { addOnHost } from './windows-host.js';

/** Any file of the right form, run as it is. */
export class PlainFile extends LoadedFile {
  readonly lowering = 'plain';
  private readonly session: OrtSession;

  /** @throws `DMX_ENGINE_NETWORK` when ONNX Runtime refuses the file. */
  constructor(file: ModelFile, options: SessionOptions) {
    super(file);
    try {
      this.session = createSession(file.bytes, { ...options, graphOptimizationLevel: 'all' });
    } catch (cause) {
      throw createOnnxRuntimeError(
        'DMX_ENGINE_NETWORK',
        `this is not a usable network: ONNX Runtime refused it: ${messageOf(cause)}`,
        'Check the file with onnx.checker, and that its operator set is one that this version of ONNX Runtime knows.',
        cause,
      );
    }
  }

  async run(x: Float32Array, shape: ImageShape): Promise<Logits> {
    this.checkImage(x, shape);
    const [batch, ...rest] = shape;
    const [fixed] = this.file.inputSides;
    if (fixed === undefined || fixed === batch) return this.runBatch(x, shape);
    if (fixed !== 1) throw new Error(`the network takes batches of ${fixed}, not ${batch}`);
    const size = x.length / batch;
    const samples: Logits[] = [];
    for (let sample = 0; sample < batch; sample++) {
      samples.push(await this.runBatch(x.subarray(sample * size, (sample + 1) * size), [1, ...rest] as ImageShape));
    }
    const data = new Float32Array(samples.reduce((sum, part) => sum + part.data.length, 0));
    samples.forEach((part, index) => {
      data.set(part.data, index * part.data.length);
    });
    return { data, shape: [batch, ...samples[0]!.shape.slice(1)] };
  }

  private async runBatch(x: Float32Array, shape: ImageShape): Promise<Logits> {
    await turn();
    this.assertAlive();
    const [batch, depth, height, width, channels] = shape;
    const first = relayoutHost(x, identityLayout(5), channelFirstLayout(5), shape);
    const image = new (ort().Tensor)('float32', first, [batch, channels, depth, height, width]);
    const { inputName, outputName } = this.file;
    let output: ReturnType<OrtSession['run']>[string];
    try {
      output = this.session.run({ [inputName]: image }, { [outputName]: null })[outputName]!;
    } catch (cause) {
      throw runFailure(cause);
    }
    const [, classes, ...sides] = output.dims as [number, number, number, number, number];
    if (sides.join() !== [depth, height, width].join()) {
      throw new Error(
        `the network gave logits of [${sides}] for an image of [${depth},${height},${width}]; they must agree`,
      );
    }
    const logical = [batch, ...sides, classes];
    const data = relayoutHost(output.data as Float32Array, channelFirstLayout(5), identityLayout(5), logical);
    return { data, shape: logical };
  }

  async openWindows(request: WindowRequest): Promise<WindowSum> {
    this.assertAlive();
    checkRequest(request);
    this.checkSize(request.window);
    const { channels, classes } = this.file;
    if (classes === undefined)
      throw new Error('the network leaves the number of classes free, so their sums have no size');
    const { window, volume } = request;
    const sums = new Float32Array(product(volume) * classes);
    const size = product(window) * channels;
    return {
      sums,
      lanes: classes,
      labels: () => largestLane(sums, classes, classes),
      dispose: () => undefined,
      add: async (images, origins, mirror = NO_MIRROR) => {
        checkWindows(request, channels, images, origins);
        for (const [index, origin] of origins.entries()) {
          const image = mirrored(images.subarray(index * size, (index + 1) * size), window, channels, mirror);
          const { data } = await this.run(image, [1, ...(window as Index3), channels]);
          addOnHost(sums, data, classes, request, origin, mirror);
        }
      },
    };
  }

  protected release(): void {
    this.session.dispose();
  }
}
