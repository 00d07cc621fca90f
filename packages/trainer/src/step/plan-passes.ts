import type { NamedTensors, RunRecord, TrainSettings, ViewName } from '@dinomix/core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { StepMoment } from './contexts.js';
import { viewTensor } from './names.js';
import type { ViewInUse } from './parts.js';
import { passKeyWords } from './random.js';

/** How views pass through a student: `train.passes`. */
export type PassMode = TrainSettings['passes'];

/** The mode that acts: with one view, a pass for each view is one pass. */
export function modeInUse(mode: PassMode, views: readonly unknown[]): PassMode {
  return mode === 'by-view' && views.length === 1 ? 'together' : mode;
}

const STATISTICS = {
  together: ['all views of a student together', 'updated once a step'],
  'by-view': [
    'each view by itself',
    'mean over the passes of a step, each from the values before it, weighted by crops',
  ],
  'by-crop': [
    'each crop by itself',
    'mean over the passes of a step, each from the values before it, weighted by crops',
  ],
} as const;

/** What a run record says about the passes of its students. */
export function describePasses(mode: PassMode, views: readonly unknown[]): NonNullable<RunRecord['passes']> {
  const acting = modeInUse(mode, views);
  const [batchStatistics, runningStatistics] = STATISTICS[acting];
  return { mode: acting, batchStatistics, runningStatistics };
}

/** A pass of its own: some crops of one view. */
export interface Pass {
  /** `<view>/<first crop>`. */
  readonly name: string;
  readonly view: ViewName;
  readonly first: number;
  /** Crops. */
  readonly count: number;
  /** Whether anybody takes their logits. */
  readonly logits: boolean;
  /** Features that somebody takes; null where any may be. */
  readonly features: readonly string[] | null;
}

/** The passes of each student in this step, in their order; views that the step does not have are left out. */
export function planPasses(
  mode: PassMode,
  views: readonly ViewInUse[],
  tensors: NamedTensors<Tensor>,
): readonly Pass[] {
  return views.flatMap(({ name: view, logits, features }) => {
    const crops = tensors[viewTensor(view, 'image')]?.shape[0] ?? 0;
    const count = mode === 'by-crop' ? 1 : crops;
    return Array.from({ length: crops / Math.max(count, 1) }, (_, index) => {
      const first = index * count;
      return { name: `${view}/${first}`, view, first, count, logits, features };
    });
  });
}

/** Image `[count, d, h, w, 1]` and key `[4]` of a pass, as tensors of the caller's. */
export function passInputs(
  { name, view, first, count }: Pass,
  tensors: NamedTensors<Tensor>,
  { run, position }: StepMoment,
): { readonly image: Tensor; readonly key: Tensor } {
  const whole = tensors[viewTensor(view, 'image')]!;
  const [crops, ...rest] = whole.shape as [number, ...number[]];
  const size = rest.reduce((product, side) => product * side, 1);
  const { epoch, stepInEpoch } = position;
  const image =
    count === crops
      ? whole.clone()
      : tensor(whole.dataSync<'float32'>().slice(first * size, (first + count) * size), [count, ...rest]);
  return { image, key: tensor([...passKeyWords({ seed: run.seed, epoch, stepInEpoch }, name)]) };
}
