import { OnnxGraph, type OnnxModel, type Precision } from '../onnx/graph.js';
import type { VitArchitecture } from './architecture.js';

/** Where the parameters of a network come from, by their names in transformers' DINOv3ViTModel. */
export interface VitWeights {
  /** Whether there is such a parameter; asked for biases. */
  has(name: string): boolean;
  /** Values in C order over the shape of the parameter. */
  values(name: string, shape: readonly number[]): Promise<Float32Array>;
  /** The matrix of a linear layer as `[from, to]`. */
  matrix(name: string, from: number, to: number): Promise<Float32Array>;
}

/** What else a graph is made for. */
export interface VitGraphOptions {
  readonly name: string;
  /** In which precision matrices are stored; the arithmetic is float32. */
  readonly precision: Precision;
  /** Blocks, counted from 0, whose tokens become the outputs `block.<number>`. */
  readonly outputBlocks: readonly number[];
}

interface Rotation {
  readonly cos: string;
  readonly sin: string;
}

/**
 * The ONNX graph of a DINOv3 vision transformer. Input `pixel_values` [b, 3, h, w], sides free multiples of the patch;
 * outputs `last_hidden_state` [b, 1 + registers + (h/p)(w/p), c] (CLS, registers, patches row by row, after the final
 * normalisation), `pooler_output` [b, c] (its CLS token), and `block.<n>` of the shape of the first: the tokens behind that
 * block after the final normalisation, as Meta's `get_intermediate_layers(norm=True)` gives them.
 *
 * @remarks After facebookresearch/dinov3, models/vision_transformer.py: pre-norm blocks with LayerScale, GELU or SwiGLU,
 * rotary position on the queries and keys of the patch tokens.
 */
export function buildVit(architecture: VitArchitecture, weights: VitWeights, options: VitGraphOptions): OnnxModel {
  return new VitBuilder(architecture, weights, options).build();
}

class VitBuilder {
  readonly #graph = new OnnxGraph();
  readonly #architecture: VitArchitecture;
  readonly #weights: VitWeights;
  readonly #options: VitGraphOptions;

  constructor(architecture: VitArchitecture, weights: VitWeights, options: VitGraphOptions) {
    this.#architecture = architecture;
    this.#weights = weights;
    this.#options = options;
  }

  build(): OnnxModel {
    const graph = this.#graph;
    const { channels, blocks } = this.#architecture;
    const { tokens, rows, columns } = this.#embed('pixel_values');
    const rotation = this.#rotation(rows, columns);
    const outputs: Record<string, readonly (number | string)[]> = {
      last_hidden_state: ['batch', 'tokens', channels],
      pooler_output: ['batch', channels],
    };
    let hidden = tokens;
    const scale = this.#values('norm.weight', [channels]);
    const offset = this.#values('norm.bias', [channels]);
    for (let block = 0; block < blocks; block++) {
      hidden = this.#block(hidden, `layer.${block}`, rotation);
      if (!this.#options.outputBlocks.includes(block)) continue;
      graph.alias(this.#normalise(hidden, scale, offset), `block.${block}`);
      outputs[`block.${block}`] = ['batch', 'tokens', channels];
    }
    const normed = this.#normalise(hidden, scale, offset);
    graph.alias(normed, 'last_hidden_state');
    graph.alias(graph.node('Gather', [normed, graph.int64(0)], { axis: 1 }), 'pooler_output');
    return graph.finish(this.#options.name, { pixel_values: ['batch', 3, 'height', 'width'] }, outputs);
  }

  #values(name: string, shape: readonly number[], precision: Precision = 'float32'): string {
    return this.#graph.weight({ name, shape, precision, read: () => this.#weights.values(name, shape) });
  }

  /** Patch embedding behind CLS and registers: `[b, prefix + h w, c]`, and the sides of the patch grid as int64 scalars. */
  #embed(image: string): { readonly tokens: string; readonly rows: string; readonly columns: string } {
    const graph = this.#graph;
    const { channels, patch, registers } = this.#architecture;
    const { precision } = this.#options;
    const filter = this.#values('embeddings.patch_embeddings.weight', [channels, 3, patch, patch], precision);
    const bias = this.#values('embeddings.patch_embeddings.bias', [channels]);
    const map = graph.node('Conv', [image, filter, bias], { kernel_shape: [patch, patch], strides: [patch, patch] });
    const sides = graph.node('Shape', [map]);
    const side = (axis: number): string => graph.node('Gather', [sides, graph.int64(axis)], { axis: 0 });
    const flat = graph.node('Reshape', [map, graph.int64([0, 0, -1])]);
    const patches = graph.node('Transpose', [flat], { perm: [0, 2, 1] });
    const batch = graph.node('Unsqueeze', [side(0), graph.int64([0])]);
    const forEach = (value: string, count: number): string => {
      const shape = graph.node('Concat', [batch, graph.int64([count, channels])], { axis: 0 });
      return graph.node('Expand', [value, shape]);
    };
    const prefix = [forEach(this.#values('embeddings.cls_token', [1, 1, channels]), 1)];
    if (registers > 0) {
      prefix.push(forEach(this.#values('embeddings.register_tokens', [1, registers, channels]), registers));
    }
    const tokens = graph.node('Concat', [...prefix, patches], { axis: 1 });
    return { tokens, rows: side(2), columns: side(3) };
  }

  /** Patch centres (i + 0.5) / n along one side, mapped to [-1, 1]: `[n]`. */
  #centres(count: string): string {
    const graph = this.#graph;
    const index = graph.node('Cast', [graph.node('Range', [graph.int64(0), count, graph.int64(1)])], { to: 1 });
    const share = graph.node('Div', [
      graph.node('Add', [index, graph.float(0.5)]),
      graph.node('Cast', [count], { to: 1 }),
    ]);
    return graph.node('Sub', [graph.node('Mul', [share, graph.float(2)]), graph.float(1)]);
  }

  /**
   * Cosines and sines `[1, 1, prefix + h w, d]` of the rotary position (rope_position_encoding.py): angles 2π coordinate /
   * base^(2 j / (d / 2)), those of y before those of x, twice. The prefix tokens are not rotated: cosine 1, sine 0.
   */
  #rotation(rows: string, columns: string): Rotation {
    const graph = this.#graph;
    const { channels, heads, registers, ropeBase } = this.#architecture;
    const headSize = channels / heads;
    const quarter = headSize / 4;
    const frequency = Float32Array.from(
      { length: quarter },
      (_, index) => (2 * Math.PI) / ropeBase ** ((2 * index) / (headSize / 2)),
    );
    const frequencies = graph.floats('rope.frequencies', frequency, [quarter]);
    const angles = (count: string, axes: readonly number[], grid: string): string => {
      const column = graph.node('Unsqueeze', [this.#centres(count), graph.int64(axes)]);
      return graph.node('Expand', [graph.node('Mul', [column, frequencies]), grid]);
    };
    const vector = (value: string): string => graph.node('Unsqueeze', [value, graph.int64([0])]);
    const grid = graph.node('Concat', [vector(rows), vector(columns), graph.int64([quarter])], { axis: 0 });
    const both = graph.node('Concat', [angles(rows, [1, 2], grid), angles(columns, [0, 2], grid)], { axis: 2 });
    const flat = graph.node('Reshape', [both, graph.int64([1, 1, -1, 2 * quarter])]);
    const tiled = graph.node('Concat', [flat, flat], { axis: 3 });
    const withPrefix = (value: string, fill: number, name: string): string => {
      const still = new Float32Array((1 + registers) * headSize).fill(fill);
      return graph.node('Concat', [graph.floats(name, still, [1, 1, 1 + registers, headSize]), value], { axis: 2 });
    };
    return {
      cos: withPrefix(graph.node('Cos', [tiled]), 1, 'rope.prefix.cos'),
      sin: withPrefix(graph.node('Sin', [tiled]), 0, 'rope.prefix.sin'),
    };
  }

  #normalise(x: string, scale: string, offset: string): string {
    const { epsilon } = this.#architecture;
    return this.#graph.node('LayerNormalization', [x, scale, offset], { axis: -1, epsilon: { float: epsilon } });
  }

  #layerNorm(x: string, name: string): string {
    const { channels } = this.#architecture;
    return this.#normalise(x, this.#values(`${name}.weight`, [channels]), this.#values(`${name}.bias`, [channels]));
  }

  #linear(x: string, name: string, from: number, to: number): string {
    const matrix = this.#graph.weight({
      name: `${name}.weight`,
      shape: [from, to],
      precision: this.#options.precision,
      read: () => this.#weights.matrix(`${name}.weight`, from, to),
    });
    const product = this.#graph.node('MatMul', [x, matrix]);
    if (!this.#weights.has(`${name}.bias`)) return product;
    return this.#graph.node('Add', [product, this.#values(`${name}.bias`, [to])]);
  }

  /** x + γ₁ attention(LN(x)), then x + γ₂ MLP(LN(x)). */
  #block(x: string, name: string, rotation: Rotation): string {
    const graph = this.#graph;
    const { channels } = this.#architecture;
    const scaled = (value: string, index: number): string =>
      graph.node('Mul', [value, this.#values(`${name}.layer_scale${index}.lambda1`, [channels])]);
    const attended = this.#attention(this.#layerNorm(x, `${name}.norm1`), `${name}.attention`, rotation);
    const middle = graph.node('Add', [x, scaled(attended, 1)]);
    const inner = this.#mlp(this.#layerNorm(middle, `${name}.norm2`), `${name}.mlp`);
    return graph.node('Add', [middle, scaled(inner, 2)]);
  }

  /** GELU(W₁ x) → W₂, or silu(gate x) · up x → down. */
  #mlp(x: string, name: string): string {
    const graph = this.#graph;
    const { channels, hidden, gated } = this.#architecture;
    const up = this.#linear(x, `${name}.up_proj`, channels, hidden);
    let active: string;
    if (gated) {
      const gate = this.#linear(x, `${name}.gate_proj`, channels, hidden);
      active = graph.node('Mul', [graph.node('Mul', [gate, graph.node('Sigmoid', [gate])]), up]);
    } else {
      active = graph.node('Gelu', [up]);
    }
    return this.#linear(active, `${name}.down_proj`, hidden, channels);
  }

  #attention(x: string, name: string, { cos, sin }: Rotation): string {
    const graph = this.#graph;
    const { channels, heads } = this.#architecture;
    const headSize = channels / heads;
    const split = (part: string): string => {
      const projected = this.#linear(x, `${name}.${part}_proj`, channels, channels);
      const shaped = graph.node('Reshape', [projected, graph.int64([0, 0, heads, headSize])]);
      return graph.node('Transpose', [shaped], { perm: [0, 2, 1, 3] });
    };
    const rotate = (value: string): string => {
      const halves = graph.nodes('Split', [value], 2, { axis: 3, num_outputs: 2 });
      const turned = graph.node('Concat', [graph.node('Neg', [halves[1]!]), halves[0]!], { axis: 3 });
      return graph.node('Add', [graph.node('Mul', [value, cos]), graph.node('Mul', [turned, sin])]);
    };
    const [query, key, value] = [rotate(split('q')), rotate(split('k')), split('v')];
    const scores = graph.node('MatMul', [query, graph.node('Transpose', [key], { perm: [0, 1, 3, 2] })]);
    const weights = graph.node('Softmax', [graph.node('Div', [scores, graph.float(Math.sqrt(headSize))])], {
      axis: -1,
    });
    const mixed = graph.node('Transpose', [graph.node('MatMul', [weights, value])], { perm: [0, 2, 1, 3] });
    const merged = graph.node('Reshape', [mixed, graph.int64([0, 0, channels])]);
    return this.#linear(merged, `${name}.o_proj`, channels, channels);
  }
}
