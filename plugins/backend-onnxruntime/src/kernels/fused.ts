import type { CrossEntropyNormaliser } from '@dinomix/core';
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { defineKernel, type Input } from './define.js';

export type NormKind = 'instance' | 'group' | 'batch';

export interface NormAttributes {
  norm: NormKind;
  groups: number;
  epsilon: number;
  slope: number;
}

export interface LossAttributes {
  crossEntropy: number;
  /** Divisor of the cross-entropy: Σ w_y, the number of voxels, or Σ m w_y. */
  normalise: CrossEntropyNormaliser;
  dice: number;
  smooth: number;
  background: boolean;
}

const statistics = (x: TensorInfo) => ({
  shape: [x.shape[0]!, x.shape[x.shape.length - 1]!],
  dtype: 'float32' as const,
});
const like = (x: TensorInfo) => ({ shape: x.shape, dtype: 'float32' as const });

const normActivation = defineKernel<Input<'x' | 'scale' | 'offset'>, NormAttributes>(
  'NormActivation',
  (backend, { x, scale, offset }, attributes) =>
    backend.record('NormActivation', [x, scale, offset], { ...attributes }, [
      like(x),
      like(x),
      statistics(x),
      statistics(x),
      statistics(x),
    ]),
);

const normActivationGrad = defineKernel<Input<'dy' | 'centred' | 'inverse' | 'scale' | 'offset'>, NormAttributes>(
  'NormActivationGrad',
  (backend, { dy, centred, inverse, scale, offset }, attributes) =>
    backend.record('NormActivationGrad', [dy, centred, inverse, scale, offset], { ...attributes }, [
      like(dy),
      like(scale),
      like(scale),
    ]),
);

const channelMoments = defineKernel<Input<'x'>, NormAttributes>('ChannelMoments', (backend, { x }, attributes) =>
  backend.record('ChannelMoments', [x], { ...attributes }, [statistics(x), statistics(x)]),
);

const channelAffine = defineKernel<Input<'x' | 'factor' | 'shift'>, { slope: number }>(
  'ChannelAffine',
  (backend, { x, factor, shift }, { slope }) =>
    backend.recordOne('ChannelAffine', [x, factor, shift], { slope }, x.shape, 'float32'),
);

const segmentationLoss = defineKernel<Input<'logits' | 'labels' | 'voxelWeight' | 'classWeights'>, LossAttributes>(
  'SegmentationLoss',
  (backend, { logits, labels, voxelWeight, classWeights }, attributes) => {
    const voxels = logits.shape.slice(1, -1).reduce((a, b) => a * b, 1);
    const classes = logits.shape[logits.shape.length - 1]!;
    return backend.record('SegmentationLoss', [logits, labels, voxelWeight, classWeights], { ...attributes }, [
      { shape: [], dtype: 'float32' },
      like(logits),
      { shape: [logits.shape[0]!, voxels], dtype: 'float32' },
      { shape: [classes, 3], dtype: 'float32' },
      { shape: [], dtype: 'float32' },
    ]);
  },
);

const segmentationLossGrad = defineKernel<
  Input<'dLoss' | 'probabilities' | 'pLabel' | 'labels' | 'voxelWeight' | 'classWeights' | 'statistics' | 'divisor'>,
  LossAttributes
>('SegmentationLossGrad', (backend, inputs, attributes) => {
  const { dLoss, probabilities, pLabel, labels, voxelWeight, classWeights, statistics: sums, divisor } = inputs;
  const list = [dLoss, probabilities, pLabel, labels, voxelWeight, classWeights, sums, divisor];
  return backend.recordOne('SegmentationLossGrad', list, { ...attributes }, probabilities.shape, 'float32');
});

export const fusedKernels: readonly KernelConfig[] = [
  normActivation,
  normActivationGrad,
  channelMoments,
  channelAffine,
  segmentationLoss,
  segmentationLossGrad,
];
