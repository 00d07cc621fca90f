import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeFileAtomic } from '@dinomix/volume';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../command.js';
import { usageError } from '../errors.js';

interface InitOptions extends CommonOptions {
  readonly dataset: 'phantom' | 'nnunet';
  readonly data: string;
  readonly force?: boolean;
}

/** Packages of the written config. */
const PACKAGES = [
  'backend-onnxruntime',
  'student-vnet',
  'teacher-ema',
  'mixer-cutmix',
  'loss-dice-ce',
  'loss-consistency',
  'metric-overlap',
  'reporter-html',
  'reporter-jsonl',
] as const;

function configText({ dataset, data }: InitOptions): string {
  const source =
    dataset === 'phantom'
      ? ['phantom', 'phantom({ shape: [48, 64, 64], cases: { labelled: 2, unlabelled: 4, validation: 1, test: 2 } })']
      : ['nnunet', `nnunet({ root: ${JSON.stringify(data)} })`];
  return `import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { defineConfig } from '@dinomix/core';
import { ${source[0]} } from '@dinomix/dataset-${dataset}';
import { consistency } from '@dinomix/loss-consistency';
import { diceCe } from '@dinomix/loss-dice-ce';
import { overlap } from '@dinomix/metric-overlap';
import { cutmix } from '@dinomix/mixer-cutmix';
import { html } from '@dinomix/reporter-html';
import { jsonl } from '@dinomix/reporter-jsonl';
import { vnet } from '@dinomix/student-vnet';
import { ema } from '@dinomix/teacher-ema';

// Mean teacher with CutMix. "dinomix explain" shows every value; "dinomix train" starts.
export default defineConfig({
  name: 'first',
  plugins: [
    onnxruntime(),
    ${source[1]},
    vnet({ filters: 8 }),
    ema(),
    cutmix(),
    diceCe(),
    consistency(),
    overlap(),
    jsonl(),
    html(),
  ],
  use: { loss: { 'dice-ce': 1, consistency: { weight: 0.1, ramp: 'gaussian' } } },
  train: { epochs: 20, patch: [48, 64, 64] },
  seed: 0,
});
`;
}

/** `dinomix init`. */
export function initCommand(context: CommandContext): Command {
  return createCommand('init', 'write a dinomix.config.ts to start from')
    .addOption(choice('--dataset <kind>', 'where cases come from', ['phantom', 'nnunet']).default('phantom'))
    .option('--data <folder>', 'folder in nnU-Net raw layout, for --dataset nnunet', 'data')
    .option('--force', 'write over an existing file')
    .action(async (options: InitOptions) => {
      const file = resolve(context.folder, 'dinomix.config.ts');
      if (existsSync(file) && options.force !== true) throw usageError('DMX_CLI_EXISTS', { file });
      await writeFileAtomic(file, configText(options));
      const packages = ['cli', 'core', 'trainer', `dataset-${options.dataset}`, ...PACKAGES].map(
        (name) => `@dinomix/${name}`,
      );
      const install = `npm install ${packages.join(' ')} @tensorflow/tfjs-core`;
      tell(context, options, { file, install }, () => `${file}\ninstall its packages with\n  ${install}`);
    });
}
