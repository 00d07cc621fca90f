import { isDmxError, readJsonDocument, reasonOf } from '@dinomix/core';
import { z } from 'zod';
import { teacherError } from '../errors.js';
import { HEADS, RELEASED, type VitArchitecture } from '../vit/architecture.js';

// Far above any network, far below what float32 and the sizes of arrays can hold.
const [LARGEST_SIZE, LARGEST_PATCH, LARGEST_THETA] = [2 ** 17, 1024, 1e12];
const theta = z.number().gt(1).max(LARGEST_THETA);

/** The part of transformers' config.json that says what the network is. */
const transformersConfig = z.object({
  model_type: z.literal('dinov3_vit'),
  hidden_size: z.int().min(4).max(LARGEST_SIZE),
  intermediate_size: z.int().min(1).max(LARGEST_SIZE),
  num_hidden_layers: z.int().min(1).max(1000),
  num_attention_heads: z.int().min(1),
  patch_size: z.int().min(1).max(LARGEST_PATCH).default(RELEASED.patch),
  num_register_tokens: z.int().min(0).max(LARGEST_SIZE).default(0),
  num_channels: z.literal(3).default(3),
  layer_norm_eps: z.number().gt(0).lt(1).default(RELEASED.epsilon),
  rope_theta: theta.optional(),
  rope_parameters: z.object({ rope_theta: theta.optional() }).nullish(),
  // Development versions of transformers called it use_swiglu_ffn.
  use_gated_mlp: z.boolean().optional(),
  use_swiglu_ffn: z.boolean().optional(),
  hidden_act: z.string().optional(),
  query_bias: z.boolean().default(true),
  key_bias: z.boolean().default(false),
  value_bias: z.boolean().default(true),
  proj_bias: z.boolean().default(true),
  mlp_bias: z.boolean().default(true),
});

const TIMM = /^vit_(?:small|small_plus|base|large|huge_plus|7b)_patch16_dinov3(?:_qkvb)?$/;

const EXPECTED =
  'A DINOv3 vision transformer is expected: model_type "dinov3_vit" as transformers writes it, or timm\'s architecture "vit_..._patch16_dinov3".';

function wrongArchitecture(file: string, found: string, cause?: unknown): Error {
  return teacherError('DMX_DINOV3_ARCHITECTURE', {
    summary: `${file} does not describe a DINOv3 vision transformer`,
    why: `Found ${found}. ${EXPECTED}`,
    fix: 'Take the config.json that came with the weights. ConvNeXt models, DINOv2 and others are used as ONNX files, by the option "model".',
    cause,
  });
}

function fromTransformers(given: Record<string, unknown>, file: string): VitArchitecture {
  const parsed = transformersConfig.safeParse(given);
  if (!parsed.success) {
    const list = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    throw wrongArchitecture(file, list);
  }
  const config = parsed.data;
  const gated = config.use_gated_mlp ?? config.use_swiglu_ffn ?? false;
  const activation = gated ? 'silu' : 'gelu';
  if (config.hidden_act !== undefined && config.hidden_act !== activation) {
    throw wrongArchitecture(
      file,
      `hidden_act "${config.hidden_act}" where ${gated ? 'a gated' : 'this'} MLP has "${activation}"`,
    );
  }
  if (config.hidden_size % (4 * config.num_attention_heads) !== 0) {
    throw wrongArchitecture(
      file,
      `hidden_size ${config.hidden_size}, which is no multiple of 4 times num_attention_heads ${config.num_attention_heads}`,
    );
  }
  return {
    channels: config.hidden_size,
    blocks: config.num_hidden_layers,
    heads: config.num_attention_heads,
    hidden: config.intermediate_size,
    gated,
    patch: config.patch_size,
    registers: config.num_register_tokens,
    ropeBase: config.rope_theta ?? config.rope_parameters?.rope_theta ?? RELEASED.ropeBase,
    epsilon: config.layer_norm_eps,
    bias: {
      query: config.query_bias,
      key: config.key_bias,
      value: config.value_bias,
      output: config.proj_bias,
      mlp: config.mlp_bias,
    },
  };
}

/**
 * Reads a config.json.
 * @returns the architecture, or null where the file only names one of the released sizes (timm): then it is read from the
 * shapes of the weights.
 * @throws DmxError `DMX_DINOV3_CONFIG` for a file that is no JSON object, `DMX_DINOV3_ARCHITECTURE` for another network.
 */
export async function readConfig(file: string): Promise<VitArchitecture | null> {
  let given: unknown;
  try {
    given = await readJsonDocument(file);
  } catch (cause) {
    const why = isDmxError(cause) ? cause.why : reasonOf(cause);
    const fix = 'Give the config.json that came with the weights, or none for weights of a released size.';
    throw teacherError('DMX_DINOV3_CONFIG', { summary: `${file} cannot be read as JSON`, why, fix, cause });
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw wrongArchitecture(file, 'JSON that is not an object');
  }
  const { model_type: type, architecture } = given as Record<string, unknown>;
  if (type === 'dinov3_vit') return fromTransformers(given as Record<string, unknown>, file);
  if (typeof architecture === 'string' && TIMM.test(architecture)) return null;
  const named = type !== undefined ? (['model_type', type] as const) : (['architecture', architecture] as const);
  const found =
    named[1] === undefined ? 'neither model_type nor architecture' : `${named[0]} ${JSON.stringify(named[1])}`;
  throw wrongArchitecture(file, found);
}

/**
 * Reads the architecture of a released size from the shapes of its parameters.
 * @param shapeOf - shape by the name in transformers' DINOv3ViTModel, null where there is none.
 * @throws DmxError `DMX_DINOV3_ARCHITECTURE` when they are not those of a released size.
 */
export function architectureOfShapes(
  names: Iterable<string>,
  shapeOf: (name: string) => readonly number[] | null,
  file: string,
): VitArchitecture {
  const filter = shapeOf('embeddings.patch_embeddings.weight');
  const known = [...names];
  const [channels = 0, , patch = 0] = filter ?? [];
  const heads = HEADS[channels];
  if (heads === undefined) {
    const found = filter === null ? 'no patch embedding among its keys' : `a patch embedding of [${filter.join(', ')}]`;
    throw teacherError('DMX_DINOV3_ARCHITECTURE', {
      summary: `${file} does not hold a released size of DINOv3`,
      why: `Found ${found}. The known widths are ${Object.keys(HEADS).join(', ')}.`,
      fix: 'Give the config.json of the model, which says how many heads it has.',
    });
  }
  const numbers = known.map((name) => Number(/^layer\.(\d+)\./.exec(name)?.[1] ?? -1));
  return {
    ...RELEASED,
    channels,
    heads,
    patch,
    blocks: Math.max(...numbers) + 1,
    hidden: shapeOf('layer.0.mlp.up_proj.weight')?.[0] ?? 0,
    gated: shapeOf('layer.0.mlp.gate_proj.weight') !== null,
    registers: shapeOf('embeddings.register_tokens')?.[1] ?? 0,
    bias: { query: null, key: false, value: null, output: true, mlp: true },
  };
}
