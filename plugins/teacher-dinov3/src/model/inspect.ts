import type { Dinov3Options } from '../options.js';
import type { Sides } from '../slices.js';
import { modelError } from './model-file.js';

/** An input or output as a session declares it. Free sides are strings; no shape at all is an empty list. */
export interface Declared {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** Element types of images and tokens. */
export type FloatType = 'float32' | 'float16';

const isFloat = (type: string): type is FloatType => type === 'float32' || type === 'float16';

/** How to call a model. */
export interface ModelInterface {
  readonly input: string;
  /** Element type of the input; the output may have the other. */
  readonly inputType: FloatType;
  readonly output: string;
  /** `tokens`: [b, t, c]; `map`: [b, c, h, w]. */
  readonly layout: 'tokens' | 'map';
  /** Height and width that the model insists on; null where they are free. */
  readonly fixedSides: Sides | null;
  /** Pictures per call that the model insists on; null where it is free. */
  readonly fixedBatch: number | null;
}

/** What the answer of a model looks like for pictures of one size. */
export interface TokenLayout {
  readonly rows: number;
  readonly columns: number;
  /** Tokens before those of the patches. */
  readonly prefix: number;
  readonly channels: number;
}

/** Names under which exports give the tokens of the last layer, after its normalisation. */
const TOKEN_OUTPUTS: readonly string[] = ['last_hidden_state', 'patch_tokens', 'x_norm_patchtokens'];

/**
 * Tokens before the patches that are taken without being named: none, CLS alone, CLS and four registers. Any other number
 * may come from patches of another size.
 */
const COUNTED_PREFIXES: readonly number[] = [0, 1, 5];

function show({ name, type, shape }: Declared): string {
  return `${name}: ${type} [${shape.join(', ')}]`;
}

function notDinov3(file: string, expected: string, found: readonly Declared[], cure: string): Error {
  const list = found.length === 0 ? 'none' : found.map(show).join('; ');
  return modelError(`"${file}" is not a DINOv3-like model`, `Expected ${expected}. Found ${list}.`, cure);
}

const INPUT = 'one image input, float32 or float16 [batch, 3, height, width]';
const OUTPUT = `an output with tokens, float32 or float16 [batch, tokens, channels], named ${TOKEN_OUTPUTS.join(', ')} or else the only one of rank 3`;

function findInput(
  inputs: readonly Declared[],
  options: Dinov3Options,
  file: string,
): Declared & { readonly type: FloatType } {
  const named = options.input === null ? undefined : inputs.find(({ name }) => name === options.input);
  const input = options.input === null && inputs.length === 1 ? inputs[0] : named;
  const cure = 'Name it with the option "input", or take an export of the vision model alone.';
  if (input === undefined || inputs.length !== 1) throw notDinov3(file, INPUT, inputs, cure);
  const { type, shape } = input;
  const [, channels] = shape;
  if (!isFloat(type) || shape.length !== 4 || (channels !== 3 && typeof channels !== 'string')) {
    throw notDinov3(file, INPUT, inputs, 'Take an export with float inputs and three colour channels.');
  }
  return { ...input, type };
}

function findOutput(outputs: readonly Declared[], options: Dinov3Options, file: string): Declared {
  const tokens = outputs.filter(({ shape, type }) => shape.length === 3 && isFloat(type));
  const usual = tokens.find(({ name }) => TOKEN_OUTPUTS.includes(name));
  const found =
    options.output === null
      ? (usual ?? (tokens.length === 1 ? tokens[0] : undefined))
      : outputs.find(({ name }) => name === options.output);
  const expected = options.output === null ? OUTPUT : `the output "${options.output}"`;
  const cure = 'Name the output to distil with the option "output".';
  if (found === undefined) throw notDinov3(file, expected, outputs, cure);
  if (!isFloat(found.type) || (found.shape.length !== 3 && found.shape.length !== 4)) {
    throw notDinov3(
      file,
      'float32 or float16 tokens [batch, tokens, channels] or a map [batch, channels, h, w]',
      [found],
      cure,
    );
  }
  return found;
}

/**
 * Reads from the declared inputs and outputs how to call a model.
 * @param file - for messages.
 * @throws DmxError `DMX_DINOV3_MODEL` that says what was expected and what was found.
 */
export function inspectModel(
  inputs: readonly Declared[],
  outputs: readonly Declared[],
  options: Dinov3Options,
  file: string,
): ModelInterface {
  const input = findInput(inputs, options, file);
  const output = findOutput(outputs, options, file);
  const [batch, , height, width] = input.shape;
  const fixed = (side: number | string | undefined): number | null =>
    typeof side === 'number' && side > 0 ? side : null;
  const [fixedHeight, fixedWidth] = [fixed(height), fixed(width)];
  const layout = output.shape.length === 3 ? 'tokens' : 'map';
  const { patchSize } = options;
  if (layout === 'tokens' && [fixedHeight, fixedWidth].some((side) => side !== null && side % patchSize !== 0)) {
    throw notDinov3(
      file,
      `sides that are multiples of the patch, ${patchSize} pixels`,
      [input],
      'Set the option "patchSize" to that of the model: 16 for DINOv3, 14 for DINOv2.',
    );
  }
  return {
    input: input.name,
    inputType: input.type,
    output: output.name,
    layout,
    fixedSides: fixedHeight === null || fixedWidth === null ? null : [fixedHeight, fixedWidth],
    fixedBatch: fixed(batch),
  };
}

/**
 * Reads from the shape of an answer how its tokens lie.
 * @param dims - shape of the answer to pictures with these sides.
 * @throws DmxError `DMX_DINOV3_MODEL` where it holds no grid of patches.
 */
export function inspectAnswer(
  dims: readonly number[],
  sides: Sides,
  { layout, output }: ModelInterface,
  { patchSize, prefixTokens }: Dinov3Options,
  file: string,
): TokenLayout {
  if (layout === 'map') {
    const [, channels, rows, columns] = dims as [number, number, number, number];
    return { rows, columns, prefix: 0, channels };
  }
  const [, tokens, channels] = dims as [number, number, number];
  const [rows, columns] = [Math.floor(sides[0] / patchSize), Math.floor(sides[1] / patchSize)];
  const prefix = tokens - rows * columns;
  const expected = prefixTokens === null ? COUNTED_PREFIXES : [prefixTokens];
  if (!expected.includes(prefix)) {
    const before = expected.join(' or ');
    throw modelError(
      `"${file}" answers a picture of ${sides[0]}x${sides[1]} with ${tokens} tokens in "${output}"`,
      `Expected ${rows * columns}: ${rows}x${columns} patches of ${patchSize} pixels, and ${before} before them.`,
      'Set the options "patchSize" and "prefixTokens" to those of the model.',
    );
  }
  return { rows, columns, prefix, channels };
}
