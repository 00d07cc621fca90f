import { createRng } from '@dinomix/volume';
import { OnnxGraph } from './onnx-graph.js';

/** Size of a network in DINOv3's architecture. */
export interface VitSize {
  readonly channels: number;
  readonly blocks: number;
  readonly heads: number;
  /** Seed of the random weights. */
  readonly seed: number;
}

const PATCH = 16;
const REGISTERS = 4;
/** CLS and registers. */
const PREFIX = 1 + REGISTERS;
const ROPE_BASE = 100;
const EPSILON = { epsilon: { float: 1e-5 } } as const;

/**
 * An ONNX file in the architecture of DINOv3 ViT/16 with random weights: the control that knows nothing. Input
 * `pixel_values` [b, 3, h, w] with free sizes, outputs `last_hidden_state` [b, 5 + (h/16)(w/16), c] and `pooler_output`
 * [b, c], as exports of the released models have them. Parameters have the names of transformers' DINOv3ViTModel, with
 * matrices [in, out].
 *
 * @remarks After facebookresearch/dinov3: pre-norm blocks with LayerScale (here 1), GELU, no bias on keys, rotary position
 * on the patch tokens. Weights are N(0, 1 / fan in), so that attention and MLP act at any width; CLS and registers are
 * N(0, 0.02²), biases 0.
 */
export function buildRandomVit(size: VitSize): Uint8Array {
  return new VitBuilder(size).build();
}

class VitBuilder {
  readonly #graph = new OnnxGraph();
  readonly #size: VitSize;

  constructor(size: VitSize) {
    this.#size = size;
  }

  build(): Uint8Array {
    const graph = this.#graph;
    const { channels, blocks } = this.#size;
    const { tokens, rows, columns } = this.#embed('pixel_values');
    const rotation = this.#rotation(rows, columns);
    let hidden = tokens;
    for (let block = 0; block < blocks; block++) hidden = this.#block(hidden, `layer.${block}`, rotation);
    const normed = this.#layerNorm(hidden, 'norm');
    graph.alias(normed, 'last_hidden_state');
    graph.alias(graph.node('Gather', [normed, graph.int64(0)], { axis: 1 }), 'pooler_output');
    return graph.finish(
      'dinov3-architecture-random-weights',
      { pixel_values: ['batch', 3, 'height', 'width'] },
      { last_hidden_state: ['batch', 'tokens', channels], pooler_output: ['batch', channels] },
    );
  }

  /** N(0, deviation²), from a stream of its own for each name. */
  #random(name: string, shape: readonly number[], deviation: number): string {
    const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
    createRng({ seed: this.#size.seed, stream: `teacher-dinov3/control/${name}` }).fillNormal(data, 0, deviation);
    return this.#graph.weight(name, data, shape);
  }

  #constant(name: string, shape: readonly number[], value: number): string {
    const length = shape.reduce((product, side) => product * side, 1);
    return this.#graph.weight(name, new Float32Array(length).fill(value), shape);
  }

  /** Patch embedding after CLS and registers: `[b, 5 + h w, c]`, and the sides of the patch grid as int64 scalars. */
  #embed(image: string): { readonly tokens: string; readonly rows: string; readonly columns: string } {
    const graph = this.#graph;
    const { channels } = this.#size;
    const filter = this.#random(
      'embeddings.patch_embeddings.weight',
      [channels, 3, PATCH, PATCH],
      1 / Math.sqrt(3 * PATCH ** 2),
    );
    const bias = this.#constant('embeddings.patch_embeddings.bias', [channels], 0);
    const strides = { kernel_shape: [PATCH, PATCH], strides: [PATCH, PATCH] };
    const map = graph.node('Conv', [image, filter, bias], strides);
    const sides = graph.node('Shape', [map]);
    const side = (axis: number): string => graph.node('Gather', [sides, graph.int64(axis)], { axis: 0 });
    const flat = graph.node('Reshape', [map, graph.int64([0, 0, -1])]);
    const patches = graph.node('Transpose', [flat], { perm: [0, 2, 1] });
    const cls = this.#random('embeddings.cls_token', [1, 1, channels], 0.02);
    const registers = this.#random('embeddings.register_tokens', [1, REGISTERS, channels], 0.02);
    const prefix = graph.node('Concat', [cls, registers], { axis: 1 });
    const batch = graph.node('Unsqueeze', [side(0), graph.int64([0])]);
    const shape = graph.node('Concat', [batch, graph.int64([PREFIX, channels])], { axis: 0 });
    const repeated = graph.node('Expand', [prefix, shape]);
    const tokens = graph.node('Concat', [repeated, patches], { axis: 1 });
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
   * Cosines and sines `[1, 1, 5 + h w, d]` of the rotary position (rope_position_encoding.py): angles 2π coordinate /
   * 100^(2 j / (d / 2)), those of y before those of x, twice. The prefix tokens are not rotated: cosine 1, sine 0.
   */
  #rotation(rows: string, columns: string): { readonly cos: string; readonly sin: string } {
    const graph = this.#graph;
    const headSize = this.#size.channels / this.#size.heads;
    const quarter = headSize / 4;
    const frequency = Float32Array.from(
      { length: quarter },
      (_, index) => (2 * Math.PI) / ROPE_BASE ** ((2 * index) / (headSize / 2)),
    );
    const frequencies = graph.weight('rope.frequencies', frequency, [quarter]);
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
      const prefix = this.#constant(name, [1, 1, PREFIX, headSize], fill);
      return graph.node('Concat', [prefix, value], { axis: 2 });
    };
    return {
      cos: withPrefix(graph.node('Cos', [tiled]), 1, 'rope.prefix.cos'),
      sin: withPrefix(graph.node('Sin', [tiled]), 0, 'rope.prefix.sin'),
    };
  }

  #layerNorm(x: string, name: string): string {
    const { channels } = this.#size;
    const scale = this.#constant(`${name}.weight`, [channels], 1);
    const offset = this.#constant(`${name}.bias`, [channels], 0);
    return this.#graph.node('LayerNormalization', [x, scale, offset], { axis: -1, ...EPSILON });
  }

  #linear(x: string, name: string, from: number, to: number, bias = true): string {
    const product = this.#graph.node('MatMul', [x, this.#random(`${name}.weight`, [from, to], 1 / Math.sqrt(from))]);
    return bias ? this.#graph.node('Add', [product, this.#constant(`${name}.bias`, [to], 0)]) : product;
  }

  /** x + γ₁ attention(LN(x)), then x + γ₂ MLP(LN(x)). */
  #block(x: string, name: string, rotation: { readonly cos: string; readonly sin: string }): string {
    const graph = this.#graph;
    const { channels } = this.#size;
    const scaled = (value: string, index: number): string =>
      graph.node('Mul', [value, this.#constant(`${name}.layer_scale${index}.lambda1`, [channels], 1)]);
    const attended = this.#attention(this.#layerNorm(x, `${name}.norm1`), `${name}.attention`, rotation);
    const middle = graph.node('Add', [x, scaled(attended, 1)]);
    const up = this.#linear(this.#layerNorm(middle, `${name}.norm2`), `${name}.mlp.up_proj`, channels, 4 * channels);
    const down = this.#linear(graph.node('Gelu', [up]), `${name}.mlp.down_proj`, 4 * channels, channels);
    return graph.node('Add', [middle, scaled(down, 2)]);
  }

  #attention(x: string, name: string, { cos, sin }: { readonly cos: string; readonly sin: string }): string {
    const graph = this.#graph;
    const { channels, heads } = this.#size;
    const headSize = channels / heads;
    const split = (part: string, bias: boolean): string => {
      const projected = this.#linear(x, `${name}.${part}_proj`, channels, channels, bias);
      const shaped = graph.node('Reshape', [projected, graph.int64([0, 0, heads, headSize])]);
      return graph.node('Transpose', [shaped], { perm: [0, 2, 1, 3] });
    };
    const rotate = (value: string): string => {
      const halves = graph.nodes('Split', [value], 2, { axis: 3, num_outputs: 2 });
      const turned = graph.node('Concat', [graph.node('Neg', [halves[1]!]), halves[0]!], { axis: 3 });
      return graph.node('Add', [graph.node('Mul', [value, cos]), graph.node('Mul', [turned, sin])]);
    };
    const [query, key, value] = [rotate(split('q', true)), rotate(split('k', false)), split('v', true)];
    const scores = graph.node('MatMul', [query, graph.node('Transpose', [key], { perm: [0, 1, 3, 2] })]);
    const weights = graph.node('Softmax', [graph.node('Div', [scores, graph.float(Math.sqrt(headSize))])], {
      axis: -1,
    });
    const mixed = graph.node('Transpose', [graph.node('MatMul', [weights, value])], { perm: [0, 2, 1, 3] });
    const merged = graph.node('Reshape', [mixed, graph.int64([0, 0, channels])]);
    return this.#linear(merged, `${name}.o_proj`, channels, channels);
  }
}
