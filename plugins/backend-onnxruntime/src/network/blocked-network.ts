import type { Index3, WindowRequest, WindowSum } from '@dinomix/core';
import { foldAffines } from '../export/fold.js';
import type { Trace } from '../export/trace.js';
import { product } from '../lowering/conv-geometry.js';
import { ort } from '../session/runtime.js';
import { CheckedNetwork, type ImageShape, type Logits, type NetworkForm, turn } from './checked-network.js';
import { type CompiledNetwork, type CompileSettings, compileNetwork, IMAGE } from './compile.js';
import { CompiledCache } from './compiled-cache.js';
import { logitsEnding, type WindowLayout, windowEnding } from './endings.js';
import { fuseActivations } from './fuse.js';
import { LabelGraph } from './label-graph.js';
import { checkRequest, checkWindows } from './windows.js';
import { CompiledWindows } from './windows-compiled.js';

/** Sizes that a network is kept compiled for. */
const KEPT_SIZES = 2;

interface Compiled extends CompiledNetwork {
  /** Of a graph that sums windows. */
  readonly layout?: WindowLayout;
}

/** A student's network, compiled for each size in use with channel-blocked convolutions. */
export class BlockedNetwork extends CheckedNetwork {
  readonly lowering = 'planes';
  private readonly traceAt: (size: Index3) => Trace | Promise<Trace>;
  private readonly settings: CompileSettings;
  private readonly classes: number;
  private readonly cache = new CompiledCache<Compiled>(KEPT_SIZES);
  private labels: LabelGraph | undefined;
  /** Memory of disposed sums: fresh memory costs several times as much as clearing it. */
  private spare: ArrayBuffer | undefined;

  /** @param traceAt - the network's graph for images of a size, its constants evaluated */
  constructor(form: NetworkForm, traceAt: (size: Index3) => Trace | Promise<Trace>, settings: CompileSettings) {
    super(form);
    this.traceAt = traceAt;
    this.settings = settings;
    this.classes = form.classes!;
  }

  async run(x: Float32Array, shape: ImageShape): Promise<Logits> {
    this.checkImage(x, shape);
    const { Tensor } = ort();
    const [batch, depth, height, width, channels] = shape;
    const size: Index3 = [depth, height, width];
    const [into, out] = [product(size) * channels, product(size) * this.classes];
    const data = new Float32Array(batch * out);
    for (let sample = 0; sample < batch; sample++) {
      await turn();
      this.assertAlive();
      const network = await this.compiled(`logits ${size}`, size, (trace) =>
        compileNetwork(trace, this.settings, logitsEnding),
      );
      const image = x.subarray(sample * into, (sample + 1) * into);
      const logits = data.subarray(sample * out, (sample + 1) * out);
      network.run({ [IMAGE]: new Tensor('float32', image, [1, ...size, channels]) }, [
        new Tensor('float32', logits, [1, ...size, this.classes]),
      ]);
    }
    return { data, shape: [batch, ...size, this.classes] };
  }

  async openWindows(request: WindowRequest): Promise<WindowSum> {
    this.assertAlive();
    checkRequest(request);
    this.checkSize(request.window);
    const { channels } = this.form;
    const layout = (await this.compiledFor(request)).layout!;
    const windows = new CompiledWindows(request, layout, this.zeros((product(request.slab) + 1) * layout.lanes));
    const size = product(request.window) * channels;
    return {
      sums: windows.sums,
      lanes: windows.lanes,
      labels: (planes) => this.labelGraph(windows.lanes).run(windows.first(planes), windows.lanes),
      advance: (planes) => windows.advance(planes),
      dispose: () => {
        this.spare = windows.sums.buffer as ArrayBuffer;
      },
      add: async (images, looks) => {
        checkWindows(request, channels, images, looks);
        for (const [index, look] of looks.entries()) {
          await turn();
          this.assertAlive();
          const image = images.subarray(index * size, (index + 1) * size);
          windows.add(await this.compiledFor(request), image, channels, look);
        }
      },
    };
  }

  private compiledFor({ window, importance }: WindowRequest): Promise<Compiled> {
    const weighted = importance !== undefined;
    return this.compiled(`windows ${window} ${weighted}`, window, (trace) => {
      let layout: WindowLayout | undefined;
      const ending = windowEnding(weighted, (found) => {
        layout = found;
      });
      return { ...compileNetwork(trace, this.settings, ending), layout: layout! };
    });
  }

  private async compiled(key: string, size: Index3, compile: (trace: Trace) => Compiled): Promise<Compiled> {
    const known = this.cache.get(key);
    if (known) return known;
    const trace = fuseActivations(foldAffines(await this.traceAt(size)));
    this.assertAlive();
    return this.cache.getOrMake(key, () => compile(trace));
  }

  private zeros(length: number): Float32Array {
    const { spare } = this;
    this.spare = undefined;
    if (!spare || spare.byteLength < 4 * length) return new Float32Array(length);
    return new Float32Array(spare, 0, length).fill(0);
  }

  private labelGraph(lanes: number): LabelGraph {
    this.assertAlive();
    this.labels ??= new LabelGraph(lanes, this.settings.session);
    return this.labels;
  }

  protected release(): void {
    this.cache.clear();
    this.labels?.dispose();
    this.spare = undefined;
  }
}
