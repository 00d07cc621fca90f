/** What a first config is about. */
export interface FirstConfig {
  readonly dataset: 'phantom' | 'nnunet';
  /** Folder of the data, from that of the config. */
  readonly data: string;
  readonly method: Method;
}

/** Methods to start from. */
export const METHODS = ['mean-teacher', 'dinomix', 'supervised'] as const;
export type Method = (typeof METHODS)[number];

interface MethodText {
  readonly title: string;
  /** Name of what is imported, by package without scope. */
  readonly imports: Readonly<Record<string, string>>;
  readonly preset: string | null;
  readonly plugins: readonly string[];
  /** Lines of the config behind the plugins. */
  readonly rest: readonly string[];
  readonly batch: string;
}

// Small networks and short runs: a first look, not a result.
const TEXTS: Readonly<Record<Method, MethodText>> = {
  'mean-teacher': {
    title: 'Mean teacher with CutMix',
    imports: {
      'loss-consistency': 'consistency',
      'loss-dice-ce': 'diceCe',
      'mixer-cutmix': 'cutmix',
      'student-vnet': 'vnet',
      'teacher-ema': 'ema',
    },
    preset: null,
    plugins: ['vnet({ filters: 8 })', 'ema()', 'cutmix()', 'diceCe()', 'consistency()'],
    rest: ["use: { loss: { 'dice-ce': 1, consistency: { weight: 0.1, ramp: 'gaussian' } } },"],
    batch: '',
  },
  dinomix: {
    title: 'DINO-Mix; without a "model" its DINOv3 is a random control network, and every result says so',
    imports: { 'preset-dinomix': 'dinomix' },
    preset: 'dinomix()',
    plugins: [],
    rest: [
      "options: { 'student:vnet': { filters: 8, dropout: 0 } /* , 'teacher:dinov3': { model: 'models/...' } */ },",
    ],
    batch: '',
  },
  supervised: {
    title: 'Supervised, with the labelled cases alone',
    imports: { 'preset-supervised': 'supervised' },
    preset: 'supervised()',
    plugins: [],
    rest: ["options: { 'student:vnet': { filters: 8, dropout: 0 } },"],
    batch: ', batch: { labelled: 2, unlabelled: 0 }',
  },
};

/** What every method takes. */
const COMMON = {
  'backend-onnxruntime': 'onnxruntime',
  'metric-overlap': 'overlap',
  'reporter-html': 'html',
  'reporter-jsonl': 'jsonl',
} as const;

function sourceText({ dataset, data }: FirstConfig): string {
  return dataset === 'phantom'
    ? 'phantom({ shape: [48, 64, 64], cases: { labelled: 2, unlabelled: 4, validation: 1, test: 2 } })'
    : `nnunet({ root: ${JSON.stringify(data)} })`;
}

function importsOf({ dataset, method }: FirstConfig): readonly (readonly [packageName: string, name: string])[] {
  const plugins = { ...COMMON, [`dataset-${dataset}`]: dataset, ...TEXTS[method].imports };
  const named = Object.entries(plugins).map(([name, exported]) => [`@dinomix/${name}`, exported] as const);
  return [...named, ['@dinomix/core', 'defineConfig'] as const].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Packages that a config needs beside it, with what they need themselves. */
export function packagesOf(config: FirstConfig): readonly string[] {
  return ['@dinomix/cli', '@dinomix/trainer', ...importsOf(config).map(([name]) => name), '@tensorflow/tfjs-core'];
}

/** A `dinomix.config.ts` to start from. */
export function configText(config: FirstConfig): string {
  const { title, preset, plugins, rest, batch } = TEXTS[config.method];
  const all = ['onnxruntime()', sourceText(config), ...plugins, 'overlap()', 'jsonl()', 'html()'];
  return `${importsOf(config)
    .map(([name, exported]) => `import { ${exported} } from '${name}';`)
    .join('\n')}

// ${title}. "npx dinomix explain" shows every value; "npx dinomix train" starts.
export default defineConfig({
  name: 'first',
${preset === null ? '' : `  extends: [${preset}],\n`}  plugins: [
${all.map((plugin) => `    ${plugin},`).join('\n')}
  ],
${rest.map((line) => `  ${line}`).join('\n')}
  train: { epochs: 20, patch: [48, 64, 64]${batch} },
  seed: 0,
});
`;
}
