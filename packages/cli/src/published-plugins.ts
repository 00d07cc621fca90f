/** Plugins of this project by the name of their package, `<slot>-<id>`. */
const NAMES = [
  'backend-cpu',
  'backend-onnxruntime',
  'backend-tfjs-node',
  'dataset-amos',
  'dataset-arrays',
  'dataset-itk',
  'dataset-nnunet',
  'dataset-phantom',
  'dataset-synapse',
  'loss-consistency',
  'loss-dice-ce',
  'loss-fkd',
  'metric-overlap',
  'metric-surface',
  'mixer-cutmix',
  'mixer-pic',
  'reporter-html',
  'reporter-jsonl',
  'selector-uncertainty',
  'student-vnet',
  'teacher-dinov3',
  'teacher-ema',
  'teacher-peer',
  'weighter-diffdw',
  'weighter-distdw',
] as const;

/** Package by key of the plugins of this project, to name one that is asked for and not there. */
export const PUBLISHED_PLUGINS: Readonly<Record<string, string>> = Object.fromEntries(
  NAMES.map((name) => [name.replace('-', ':'), `@dinomix/${name}`]),
);
