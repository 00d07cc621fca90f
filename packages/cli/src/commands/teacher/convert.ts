import { resolve } from 'node:path';
import { byteSize } from '@dinomix/core';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../../command.js';
import { usageError } from '../../errors.js';
import { DINOV3 } from './package.js';

interface ConvertOptions extends CommonOptions {
  readonly out: string;
  /** Under another name than `--config`, which means the config of a run everywhere else. */
  readonly architecture?: string;
  readonly precision: 'float32' | 'float16';
  readonly blocks?: readonly number[];
  readonly force?: boolean;
}

/** The function that `@dinomix/teacher-dinov3` exports. */
type ConvertWeights = (request: {
  readonly weights: string;
  readonly config?: string;
  readonly out: string;
  readonly precision: string;
  readonly outputBlocks: readonly number[];
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}) => Promise<{
  readonly files: readonly string[];
  readonly bytes: number;
  readonly channels: number;
  readonly blocks: number;
  readonly heads: number;
  readonly gated: boolean;
  readonly patch: number;
  readonly registers: number;
  readonly outputs: readonly string[];
}>;

/** Reads whole numbers from 0 with commas between. */
function wholeNumbers(value: string): readonly number[] {
  const numbers = value.split(',').map((part) => part.trim());
  if (numbers.every((part) => /^\d{1,4}$/.test(part))) return numbers.map(Number);
  throw usageError('DMX_CLI_VALUE', { option: '--blocks', found: value, expected: 'whole numbers from 0, as 3,6,9' });
}

async function convert(context: CommandContext, weights: string, options: ConvertOptions): Promise<void> {
  const module = await context.packages.load(DINOV3, '"dinomix teacher convert"');
  const convertWeights = module.convertWeights as ConvertWeights;
  const { architecture, precision, blocks = [] } = options;
  const converted = await convertWeights({
    weights: resolve(context.folder, weights),
    ...(architecture === undefined ? {} : { config: resolve(context.folder, architecture) }),
    out: resolve(context.folder, options.out),
    precision,
    outputBlocks: blocks,
    overwrite: options.force === true,
    signal: context.signal,
  });
  tell(context, options, converted, () => {
    const { channels, heads, gated, patch, registers, outputs, files, bytes } = converted;
    const kind = gated ? 'SwiGLU' : 'GELU';
    return [
      `${converted.blocks} blocks of width ${channels}, ${heads} heads, ${kind} MLP, patches of ${patch}, ${registers} registers`,
      `outputs ${outputs.join(', ')}`,
      ...files.map((file) => `written ${file}`),
      byteSize(bytes),
    ].join('\n');
  });
}

/** `dinomix teacher convert`. */
export function convertCommand(context: CommandContext): Command {
  return createCommand('convert', 'turn DINOv3 weights (.safetensors) into the ONNX file that the teacher dinov3 loads')
    .argument('<weights>', 'model.safetensors with the keys of transformers, timm or Meta, or its folder')
    .requiredOption('-o, --out <file>', 'ONNX file to write')
    .option('--architecture <config.json>', 'config.json of the model (default: the one beside the weights)')
    .addOption(
      choice('--precision <type>', 'in which the matrices are stored', ['float32', 'float16']).default('float32'),
    )
    .option('--blocks <numbers>', 'blocks, counted from 0, that become outputs "block.<number>"', wholeNumbers)
    .option('--force', 'write over a file of the same name')
    .action((weights: string, options: ConvertOptions) => convert(context, weights, options));
}
