/** What a DINOv3 vision transformer is made of (method: Siméoni et al. 2025; sizes: facebookresearch/dinov3 hub/backbones.py). */
export interface VitArchitecture {
  /** Width of the tokens. */
  readonly channels: number;
  readonly blocks: number;
  readonly heads: number;
  /** Width inside the MLP. */
  readonly hidden: number;
  /** SwiGLU, silu(W₁ x) · W₂ x → W₃, and not GELU. */
  readonly gated: boolean;
  /** Sides of a patch, pixels. */
  readonly patch: number;
  /** Register tokens behind CLS. */
  readonly registers: number;
  /** Base of the rotary periods. */
  readonly ropeBase: number;
  /** Added to variances in layer normalisation. */
  readonly epsilon: number;
  /** Which linear layers have a bias; null leaves it to the weights. */
  readonly bias: Readonly<Record<'query' | 'key' | 'value' | 'output' | 'mlp', boolean | null>>;
}

/** What all released sizes have in common. */
export const RELEASED = {
  ropeBase: 100,
  epsilon: 1e-5,
  registers: 4,
  patch: 16,
} as const;

/** Heads of the released sizes by width: S and S+, B, L, H+, 7B; 1536 is the giant of LingBot-Vision. */
export const HEADS: Readonly<Record<number, number>> = { 384: 6, 768: 12, 1024: 16, 1280: 20, 1536: 24, 4096: 32 };

/** A parameter as transformers' DINOv3ViTModel names and shapes it; matrices `[out, in]`. */
export interface VitParameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** False where a model may do without it. */
  readonly required: boolean;
}

/** Every parameter of an architecture. */
export function parametersOf(architecture: VitArchitecture): readonly VitParameter[] {
  const { channels, blocks, hidden, gated, patch, registers, bias } = architecture;
  const parameters: VitParameter[] = [];
  const add = (name: string, shape: readonly number[], required = true): void => {
    parameters.push({ name, shape, required });
  };
  const linear = (name: string, from: number, to: number, hasBias: boolean | null): void => {
    add(`${name}.weight`, [to, from]);
    if (hasBias !== false) add(`${name}.bias`, [to], hasBias === true);
  };
  const norm = (name: string): void => {
    add(`${name}.weight`, [channels]);
    add(`${name}.bias`, [channels]);
  };
  add('embeddings.cls_token', [1, 1, channels]);
  if (registers > 0) add('embeddings.register_tokens', [1, registers, channels]);
  add('embeddings.patch_embeddings.weight', [channels, 3, patch, patch]);
  add('embeddings.patch_embeddings.bias', [channels]);
  for (let block = 0; block < blocks; block++) {
    const layer = `layer.${block}`;
    norm(`${layer}.norm1`);
    linear(`${layer}.attention.q_proj`, channels, channels, bias.query);
    linear(`${layer}.attention.k_proj`, channels, channels, bias.key);
    linear(`${layer}.attention.v_proj`, channels, channels, bias.value);
    linear(`${layer}.attention.o_proj`, channels, channels, bias.output);
    add(`${layer}.layer_scale1.lambda1`, [channels]);
    norm(`${layer}.norm2`);
    if (gated) linear(`${layer}.mlp.gate_proj`, channels, hidden, bias.mlp);
    linear(`${layer}.mlp.up_proj`, channels, hidden, bias.mlp);
    linear(`${layer}.mlp.down_proj`, hidden, channels, bias.mlp);
    add(`${layer}.layer_scale2.lambda1`, [channels]);
  }
  norm('norm');
  return parameters;
}
