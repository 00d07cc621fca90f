import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { Tensor } from '@dinomix/volume';
import { parametersOf, RELEASED, type VitArchitecture } from '../src/vit/architecture.js';

/** A small network and what PyTorch answers with it (make-parity.py). */
export interface ParityNetwork {
  readonly name: string;
  readonly size: {
    readonly channels: number;
    readonly blocks: number;
    readonly heads: number;
    readonly hidden: number;
    readonly gated: boolean;
    readonly patch: number;
    readonly registers: number;
  };
  readonly config: Readonly<Record<string, unknown>>;
  readonly answers: readonly {
    readonly shape: readonly [number, number, number, number];
    readonly dims: readonly number[];
    /** Tokens behind each block after the final normalisation. */
    readonly blocks: readonly (readonly number[])[];
  }[];
}

const { networks } = JSON.parse(readFileSync(new URL('./fixtures/parity.json', import.meta.url), 'utf8')) as {
  readonly networks: readonly ParityNetwork[];
};

export const NETWORKS = networks;

/** The network of this name. */
export function network(name: string): ParityNetwork {
  return networks.find((one) => one.name === name)!;
}

export type Weights = Map<string, Tensor & { readonly dtype: 'F32' }>;

const float32 = (shape: readonly number[], data: Float32Array): Tensor & { readonly dtype: 'F32' } => ({
  dtype: 'F32',
  shape,
  data,
});

function scaled(name: string, shape: readonly number[], raw: number): number {
  if (/norm\d?\.weight$/.test(name)) return 1 + Math.fround(0.2 * raw);
  if (name.endsWith('lambda1')) return 0.7 + Math.fround(0.2 * raw);
  const fan = shape.slice(1).reduce((product, side) => product * side, 1);
  return shape.length > 1 && !name.includes('token') ? raw / Math.sqrt(fan) : 0.3 * raw;
}

/** The weights of make-parity.py, by the names of transformers. */
export function weightsOf({ size }: ParityNetwork): Weights {
  const bias = { query: true, key: false, value: true, output: true, mlp: true };
  const architecture: VitArchitecture = { ...RELEASED, ...size, bias };
  // Python compares names by code point.
  const parameters = [...parametersOf(architecture)].sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(
    parameters.map(({ name, shape }, number) => {
      const length = shape.reduce((product, side) => product * side, 1);
      const data = Float32Array.from({ length }, (_, i) => {
        const raw = Math.fround(Math.sin(0.37 * i + number) + 0.5 * Math.sin(0.011 * i));
        return scaled(name, shape, raw);
      });
      return [name, float32(shape, data)];
    }),
  );
}

function joined(weights: Weights, block: string, kind: 'weight' | 'bias', keyFill: number): Tensor & { dtype: 'F32' } {
  const parts = ['q', 'k', 'v'].map((letter) => weights.get(`layer.${block}.attention.${letter}_proj.${kind}`));
  const { shape, data } = parts[0]!;
  const all = new Float32Array(3 * data.length).fill(keyFill);
  for (const [third, part] of parts.entries()) if (part !== undefined) all.set(part.data, third * data.length);
  return float32([3 * shape[0]!, ...shape.slice(1)], all) as Tensor & { dtype: 'F32' };
}

function translated(weights: Weights, rename: (name: string) => string | null): Weights {
  const result: Weights = new Map();
  for (const [name, tensor] of weights) {
    const found = rename(name);
    if (found !== null) result.set(found, tensor);
  }
  return result;
}

const COMMON: readonly (readonly [RegExp, string])[] = [
  [/^embeddings\.cls_token/, 'cls_token'],
  [/^embeddings\.patch_embeddings/, 'patch_embed.proj'],
  [/^layer\.(\d+)\.attention\.o_proj/, 'blocks.$1.attn.proj'],
];

function replaced(name: string, rules: readonly (readonly [RegExp, string])[]): string {
  return rules.reduce((text, [pattern, put]) => text.replace(pattern, put), name).replace(/^layer\./, 'blocks.');
}

/** The same weights with the keys of Meta's code, and the buffers that it saves beside them. */
export function asMeta(weights: Weights): Weights {
  const gated = weights.has('layer.0.mlp.gate_proj.weight');
  const rules: readonly (readonly [RegExp, string])[] = [
    ...COMMON,
    [/^embeddings\.register_tokens/, 'storage_tokens'],
    [/layer_scale([12])\.lambda1/, 'ls$1.gamma'],
    [/mlp\.gate_proj/, 'mlp.w1'],
    [/mlp\.up_proj/, gated ? 'mlp.w2' : 'mlp.fc1'],
    [/mlp\.down_proj/, gated ? 'mlp.w3' : 'mlp.fc2'],
  ];
  const result = translated(weights, (name) => (/[qkv]_proj/.test(name) ? null : replaced(name, rules)));
  for (const name of weights.keys()) {
    const block = /^layer\.(\d+)\.attention\.q_proj\.weight$/.exec(name)?.[1];
    if (block === undefined) continue;
    result.set(`blocks.${block}.attn.qkv.weight`, joined(weights, block, 'weight', 0));
    // The third of the keys is masked, whatever it holds.
    const bias = joined(weights, block, 'bias', 5);
    result.set(`blocks.${block}.attn.qkv.bias`, bias);
    result.set(`blocks.${block}.attn.qkv.bias_mask`, bias);
  }
  result.set('mask_token', float32([1, 8], new Float32Array(8)));
  result.set('rope_embed.periods', float32([2], new Float32Array(2)));
  return result;
}

/** The same weights with the keys of timm's Eva. */
export function asTimm(weights: Weights): Weights {
  const gated = weights.has('layer.0.mlp.gate_proj.weight');
  const rules: readonly (readonly [RegExp, string])[] = [
    ...COMMON,
    [/^embeddings\.register_tokens/, 'reg_token'],
    [/layer_scale([12])\.lambda1/, 'gamma_$1'],
    [/attention\.([qv])_proj\.bias/, 'attn.$1_bias'],
    [/mlp\.gate_proj/, 'mlp.fc1_g'],
    [/mlp\.up_proj/, gated ? 'mlp.fc1_x' : 'mlp.fc1'],
    [/mlp\.down_proj/, 'mlp.fc2'],
  ];
  const result = translated(weights, (name) => (/[qkv]_proj\.weight/.test(name) ? null : replaced(name, rules)));
  for (const name of weights.keys()) {
    const block = /^layer\.(\d+)\.attention\.q_proj\.weight$/.exec(name)?.[1];
    if (block !== undefined) result.set(`blocks.${block}.attn.qkv.weight`, joined(weights, block, 'weight', 0));
  }
  return result;
}

/** Writes a JSON file. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, JSON.stringify(value));
}
