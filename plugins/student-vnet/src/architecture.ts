import type { Index3, Initializer, ParameterSpec } from '@dinomix/core';
import type { VnetOptions } from './options.js';

/** One convolution with its normalisation and activation. */
export interface Unit {
  /** Prefix of its parameters: `encoder.1.conv.0`. */
  readonly name: string;
  /** `conv`: 3x3x3; `down`: 2x2x2 at stride 2; `up`: transposed 2x2x2 at stride 2; `output`: 1x1x1, nothing after it. */
  readonly kind: 'conv' | 'down' | 'up' | 'output';
  readonly inChannels: number;
  readonly outChannels: number;
}

/** What happens at one resolution on the way down or up; its result is a named feature. */
export interface Stage {
  /** Name of the feature: x1 is the finest encoder level, x5 the coarsest of five, x9 the finest decoder level. */
  readonly feature: string;
  readonly channels: number;
  /** Voxels of the input along an axis for one voxel of the feature. */
  readonly stride: number;
  /** Brings the feature before to this resolution; null at the first stage. */
  readonly resample: Unit | null;
  /** Feature of the encoder that joins here. */
  readonly skip: string | null;
  readonly convs: readonly Unit[];
  readonly dropout: boolean;
}

/** The network as a list of stages. */
export interface Architecture {
  readonly stages: readonly Stage[];
  readonly output: Unit;
}

function convUnits(prefix: string, count: number, inChannels: number, channels: number): readonly Unit[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${prefix}.conv.${index}`,
    kind: 'conv' as const,
    inChannels: index === 0 ? inChannels : channels,
    outChannels: channels,
  }));
}

function encoderStage(level: number, inputChannels: number, options: VnetOptions): Stage {
  const channels = options.filters * 2 ** (level - 1);
  const prefix = `encoder.${level}`;
  const first = level === 1;
  return {
    feature: `x${level}`,
    channels,
    stride: 2 ** (level - 1),
    resample: first ? null : { name: `${prefix}.down`, kind: 'down', inChannels: channels / 2, outChannels: channels },
    skip: null,
    convs: convUnits(prefix, options.encoderConvs[level - 1]!, first ? inputChannels : channels, channels),
    dropout: options.dropoutAt.includes(`x${level}`),
  };
}

function decoderStage(level: number, options: VnetOptions): Stage {
  const { levels, filters, skip, decoderConvs, dropoutAt } = options;
  const channels = filters * 2 ** (level - 1);
  const prefix = `decoder.${level}`;
  const feature = `x${2 * levels - level}`;
  return {
    feature,
    channels,
    stride: 2 ** (level - 1),
    resample: { name: `${prefix}.up`, kind: 'up', inChannels: 2 * channels, outChannels: channels },
    skip: `x${level}`,
    convs: convUnits(prefix, decoderConvs[levels - 1 - level]!, skip === 'add' ? channels : 2 * channels, channels),
    dropout: dropoutAt.includes(feature),
  };
}

/** Lays out the V-Net of method.md §2.5: encoder levels from 1 to the coarsest, decoder levels back to 1, output. */
export function layOut(options: VnetOptions, inputChannels: number, classCount: number): Architecture {
  const levels = Array.from({ length: options.levels }, (_, index) => index + 1);
  return {
    stages: [
      ...levels.map((level) => encoderStage(level, inputChannels, options)),
      ...levels
        .slice(0, -1)
        .reverse()
        .map((level) => decoderStage(level, options)),
    ],
    output: { name: 'output', kind: 'output', inChannels: options.filters, outChannels: classCount },
  };
}

/** Sides of each kind of filter, voxels. */
const SIDE = { conv: 3, down: 2, up: 2, output: 1 } as const;

function filterInitializer(unit: Unit, taps: number, options: VnetOptions): Initializer {
  // The benchmark initialises Conv3d alone; ConvTranspose3d keeps PyTorch's default, whose fan is that of its own
  // weight [in, out, 2, 2, 2].
  if (unit.kind === 'up') return { kind: 'uniform', bound: 1 / Math.sqrt(unit.outChannels * taps) };
  const fanIn = unit.inChannels * taps;
  return options.initializer === 'kaiming-normal'
    ? { kind: 'kaiming-normal', fanIn, slope: 0 }
    : { kind: 'xavier-normal', fanIn, fanOut: unit.outChannels * taps };
}

function unitParameters(unit: Unit, options: VnetOptions): readonly ParameterSpec[] {
  const { inChannels, outChannels, kind, name } = unit;
  const side: Index3 = [SIDE[kind], SIDE[kind], SIDE[kind]];
  const taps = SIDE[kind] ** 3;
  const channels = kind === 'up' ? [outChannels, inChannels] : [inChannels, outChannels];
  const biasFan = (kind === 'up' ? outChannels : inChannels) * taps;
  const perChannel = (part: string, initializer: Initializer, trainable: boolean): ParameterSpec => {
    const decay = trainable && options.decay === 'all';
    return { name: `${name}.${part}`, shape: [outChannels], initializer, trainable, decay };
  };
  const constant = (value: number): Initializer => ({ kind: 'constant', value });
  const normalised = kind !== 'output' && options.norm !== 'none';
  const filter = filterInitializer(unit, taps, options);
  return [
    { name: `${name}.filter`, shape: [...side, ...channels], initializer: filter, trainable: true, decay: true },
    perChannel('bias', { kind: 'uniform', bound: 1 / Math.sqrt(biasFan) }, true),
    ...(normalised ? [perChannel('scale', constant(1), true), perChannel('offset', constant(0), true)] : []),
    ...(normalised && options.norm === 'batch'
      ? [perChannel('mean', constant(0), false), perChannel('variance', constant(1), false)]
      : []),
  ];
}

/** Every parameter of the network, in the order of computation. Initial values as in the benchmark's code. */
export function parametersOf({ stages, output }: Architecture, options: VnetOptions): readonly ParameterSpec[] {
  const units = stages.flatMap(({ resample, convs }) => (resample === null ? convs : [resample, ...convs]));
  return [...units, output].flatMap((unit) => unitParameters(unit, options));
}
