import { channelFirstLayout, identityLayout, relayoutHost } from '../lowering/layout.js';
import { createOnnxRuntimeError, messageOf } from '../session/errors.js';
import { createSession, type OrtSession, ort, type SessionOptions } from '../session/runtime.js';
import { CheckedNetwork, type ImageShape, type Logits, turn } from './checked-network.js';
import { runFailure } from './compile.js';
import type { ModelFile } from './model-file.js';

/** Any file of the right form, run as it is. */
export class PlainFile extends CheckedNetwork {
  readonly lowering = 'plain';
  private readonly file: ModelFile;
  private readonly session: OrtSession;

  /** @throws `DMX_ENGINE_NETWORK` when ONNX Runtime refuses the file. */
  constructor(file: ModelFile, options: SessionOptions) {
    super(file);
    this.file = file;
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

  protected release(): void {
    this.session.dispose();
  }
}
