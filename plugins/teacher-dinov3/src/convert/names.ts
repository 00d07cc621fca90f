/** Where a parameter lies in a file: a tensor, or one of the thirds of a joint projection. */
export interface Place {
  readonly key: string;
  /** Which third of the rows: query, key, value; null for the whole tensor. */
  readonly third: 0 | 1 | 2 | null;
}

/** How the keys of a file name the parameters. */
export interface KeyMap {
  /** Place by the name in transformers' DINOv3ViTModel. */
  readonly places: ReadonlyMap<string, Place>;
  /** Keys that name no parameter of a DINOv3 vision transformer. */
  readonly extra: readonly string[];
}

/** Wrappers that training code puts around a backbone. */
const PREFIX = /^(?:module\.|model\.|backbone\.|encoder\.|dinov3_vit\.)+/;

/**
 * Parameters that play no part after training: the token of masked patches, the mask of the key bias, fixed rotary
 * tables, and the normalisation of local crops.
 */
const UNUSED = [/(?:^|\.)mask_token$/, /\.bias_mask$/, /(?:^|\.)(?:rope\w*)\./, /^local_cls_norm\./];

const THIRDS = ['q', 'k', 'v'] as const;

/** Keys of Meta's code and of timm, and what transformers calls them. Keys of transformers stand for themselves. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^cls_token$/, 'embeddings.cls_token'],
  [/^(?:storage_tokens|reg_token|register_tokens)$/, 'embeddings.register_tokens'],
  [/^patch_embed\.proj\.(weight|bias)$/, 'embeddings.patch_embeddings.$1'],
  [/^blocks\.(\d+)\.norm([12])\.(weight|bias)$/, 'layer.$1.norm$2.$3'],
  [/^blocks\.(\d+)\.attn\.([qkv])_bias$/, 'layer.$1.attention.$2_proj.bias'],
  [/^blocks\.(\d+)\.attn\.([qkv])_proj\.(weight|bias)$/, 'layer.$1.attention.$2_proj.$3'],
  [/^blocks\.(\d+)\.attn\.proj\.(weight|bias)$/, 'layer.$1.attention.o_proj.$2'],
  [/^blocks\.(\d+)\.(?:ls([12])\.gamma)$/, 'layer.$1.layer_scale$2.lambda1'],
  [/^blocks\.(\d+)\.gamma_([12])$/, 'layer.$1.layer_scale$2.lambda1'],
  [/^blocks\.(\d+)\.mlp\.(?:w1|fc1_g)\.(weight|bias)$/, 'layer.$1.mlp.gate_proj.$2'],
  [/^blocks\.(\d+)\.mlp\.(?:w2|fc1_x|fc1)\.(weight|bias)$/, 'layer.$1.mlp.up_proj.$2'],
  [/^blocks\.(\d+)\.mlp\.(?:w3|fc2)\.(weight|bias)$/, 'layer.$1.mlp.down_proj.$2'],
];

const JOINT = /^blocks\.(\d+)\.attn\.qkv\.(weight|bias)$/;

const KNOWN =
  /^(?:embeddings\.(?:cls_token|register_tokens|patch_embeddings\.(?:weight|bias))|norm\.(?:weight|bias)|layer\.\d+\.(?:norm[12]\.(?:weight|bias)|attention\.[qkvo]_proj\.(?:weight|bias)|layer_scale[12]\.lambda1|mlp\.(?:gate|up|down)_proj\.(?:weight|bias)))$/;

function renamed(key: string): string {
  for (const [pattern, name] of RENAMED) {
    if (pattern.test(key)) return key.replace(pattern, name);
  }
  return key;
}

/**
 * Finds the parameters of a DINOv3 vision transformer among the keys of a file, whether they are those of transformers,
 * of timm or of Meta's own code. A second key for the same parameter counts as extra. The key third of a joint bias is left
 * out: it is masked to 0 (layers/attention.py, LinearKMaskedBias).
 */
export function mapKeys(keys: Iterable<string>): KeyMap {
  const places = new Map<string, Place>();
  const extra: string[] = [];
  const put = (name: string, place: Place): void => {
    if (KNOWN.test(name) && !places.has(name)) places.set(name, place);
    else extra.push(place.key);
  };
  for (const key of keys) {
    const bare = key.replace(PREFIX, '');
    if (UNUSED.some((pattern) => pattern.test(bare))) continue;
    const joint = JOINT.exec(bare);
    if (joint === null) {
      put(renamed(bare), { key, third: null });
      continue;
    }
    const [, block, kind] = joint;
    for (const [third, letter] of THIRDS.entries()) {
      if (kind === 'bias' && letter === 'k') continue;
      put(`layer.${block}.attention.${letter}_proj.${kind}`, { key, third: third as 0 | 1 | 2 });
    }
  }
  return { places, extra: [...new Set(extra)] };
}
