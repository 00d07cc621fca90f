import '../../test/backend.js';
import type { Index3, NormActivationOptions } from '@dinomix/core';
import { engine, mul, sum, type Tensor, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { expectNumbers, readNumbers, type StoredArray, toTensor } from '../../test/numbers.js';
import { createOps } from './create-ops.js';

const ops = createOps();
const TOLERANCE = 2e-5;

interface Differentiated {
  readonly name: string;
  readonly y: StoredArray;
  readonly upstream: StoredArray;
  readonly gradients: StoredArray[];
}

/** Compares y and the gradients of Σ y · upstream with PyTorch's. */
function expectCase(given: Differentiated, inputs: Tensor[], compute: () => Tensor): void {
  tidy(() => {
    expectNumbers(compute(), given.y, TOLERANCE, 'y');
    const upstream = toTensor(given.upstream);
    const { grads } = engine().gradients(() => sum(mul(compute(), upstream)), inputs);
    given.gradients.forEach((expected, index) => {
      expectNumbers(grads[index]!, expected, 10 * TOLERANCE, `gradient ${index}`);
    });
  });
}

interface ConvolutionCase extends Differentiated {
  readonly x: StoredArray;
  readonly filter: StoredArray;
  readonly bias: StoredArray;
  readonly strides: Index3;
  readonly dilations: Index3;
  readonly padding: 'same' | 'valid';
}

describe('conv3d equals PyTorch', () => {
  it.each(readNumbers<ConvolutionCase>('conv3d'))('$name', (given) => {
    const { strides, dilations, padding } = given;
    const [x, filter, bias] = [toTensor(given.x), toTensor(given.filter), toTensor(given.bias)];
    expectCase(given, [x, filter, bias], () => ops.conv3d(x, filter, { bias, strides, dilations, padding }));
  });

  it('refuses strides with dilations', () => {
    const x = zeros([1, 4, 4, 4, 1]);
    const options = { padding: 'same', strides: [2, 2, 2], dilations: [2, 2, 2] } as const;
    expect(() => ops.conv3d(x, zeros([3, 3, 3, 1, 1]), options)).toThrow('one of the two');
  });
});

describe('conv3dTranspose equals PyTorch', () => {
  it.each(readNumbers<ConvolutionCase>('conv3d-transpose'))('$name', (given) => {
    const { strides } = given;
    const [x, filter, bias] = [toTensor(given.x), toTensor(given.filter), toTensor(given.bias)];
    expectCase(given, [x, filter, bias], () => ops.conv3dTranspose(x, filter, { bias, strides }));
  });
});

interface NormCase extends Differentiated {
  readonly norm: 'instance' | 'group' | 'batch' | 'none';
  readonly slope: number;
  readonly groups: number | null;
  readonly training: boolean;
  readonly x: StoredArray;
  readonly scale: StoredArray;
  readonly offset: StoredArray;
  readonly before: [StoredArray, StoredArray];
  readonly after: [StoredArray, StoredArray];
}

describe('normActivation equals PyTorch', () => {
  it.each(readNumbers<NormCase>('norm-activation'))('$name', (given) => {
    const { norm, slope, groups, training } = given;
    const [x, scale, offset] = [toTensor(given.x), toTensor(given.scale), toTensor(given.offset)];
    const updates: [Tensor, Tensor][] = [];
    const affine = norm === 'none' ? {} : { scale, offset };
    const options: NormActivationOptions<Tensor> = {
      norm,
      slope,
      training,
      ...affine,
      ...(groups === null ? {} : { groups }),
      ...(norm === 'batch'
        ? {
            running: {
              mean: toTensor(given.before[0]),
              variance: toTensor(given.before[1]),
              update: (mean: Tensor, variance: Tensor) => updates.push([mean, variance]),
            },
          }
        : {}),
    };
    expectCase(given, norm === 'none' ? [x] : [x, scale, offset], () => ops.normActivation(x, options));
    expect(updates.length > 0).toBe(norm === 'batch' && training);
  });

  it('gives the running statistics of PyTorch', () => {
    const given = readNumbers<NormCase>('norm-activation').find((entry) => entry.norm === 'batch' && entry.training)!;
    let checked = false;
    const update = (mean: Tensor, variance: Tensor): void => {
      expectNumbers(mean, given.after[0], 1e-6, 'running mean');
      expectNumbers(variance, given.after[1], 1e-5, 'running variance');
      checked = true;
    };
    const running = { mean: toTensor(given.before[0]), variance: toTensor(given.before[1]), update };
    ops.normActivation(toTensor(given.x), { norm: 'batch', slope: 1, training: true, running });
    expect(checked).toBe(true);
  });

  it('names channels and groups that do not fit', () => {
    const options = { norm: 'group', groups: 3, slope: 0, training: true } as const;
    expect(() => ops.normActivation(zeros([1, 2, 2, 2, 4]), options)).toThrow('4 channels do not divide into 3 groups');
  });
});

interface ResizeCase extends Differentiated {
  readonly x: StoredArray;
  readonly shape: Index3;
}

describe('resizeTrilinear equals PyTorch', () => {
  it.each(readNumbers<ResizeCase>('resize-trilinear'))('$name', (given) => {
    const x = toTensor(given.x);
    expectCase(given, [x], () => ops.resizeTrilinear(x, given.shape));
  });
});

interface LossCase {
  readonly name: string;
  readonly crossEntropy: number;
  readonly dice: number;
  readonly background: boolean;
  readonly smooth: number;
  readonly logits: StoredArray;
  readonly target: StoredArray;
  readonly classWeights: StoredArray | null;
  readonly voxelWeight: StoredArray | null;
  readonly loss: number;
  readonly gradients: StoredArray[];
}

describe('softmaxCrossEntropyDice equals PyTorch', () => {
  it.each(readNumbers<LossCase>('cross-entropy-dice'))('$name', (given) => {
    const { crossEntropy, dice, background, smooth } = given;
    const logits = toTensor(given.logits);
    const target = toTensor(given.target, given.target.shape.length === 5 ? 'float32' : 'int32');
    const options = {
      crossEntropy,
      dice,
      background,
      smooth,
      ...(given.classWeights === null ? {} : { classWeights: toTensor(given.classWeights) }),
      ...(given.voxelWeight === null ? {} : { voxelWeight: toTensor(given.voxelWeight) }),
    };
    const { value, grads } = engine().gradients(() => ops.softmaxCrossEntropyDice(logits, target, options), [logits]);
    expect(value.dataSync()[0]).toBeCloseTo(given.loss, 5);
    expectNumbers(grads[0]!, given.gradients[0]!, 1e-6, 'gradient');
  });
});

/** Two voxels of three classes; the numbers beside them are worked out by hand from the contract. */
describe('what a cross-entropy is divided by', () => {
  const logits = () => tensor([1, 2, 3, 0, 1, 0], [1, 1, 1, 2, 3]);
  const target = () => tensor([0, 1], [1, 1, 1, 2], 'int32');
  const first = Math.log(1 + Math.E + Math.E ** 2);
  const second = Math.log(2 + Math.E) - 1;
  const weights = [2, 3, 5];
  const kept = [1, 0];
  const lossWith = (options: object): number =>
    ops
      .softmaxCrossEntropyDice(logits(), target(), {
        crossEntropy: 1,
        dice: 0,
        classWeights: tensor(weights),
        voxelWeight: tensor(kept, [1, 1, 1, 2]),
        ...options,
      })
      .dataSync()[0]!;

  it.each([
    ['weights', (2 * first) / 5],
    ['voxels', (2 * first) / 2],
    ['kept', (2 * first) / 2],
  ] as const)('%s', (normalise, expected) => {
    expect(lossWith({ normalise })).toBeCloseTo(expected, 6);
  });

  it('without weights is the plain mean, over all voxels or over those that are kept', () => {
    const plain = { classWeights: undefined, normalise: 'voxels' };
    expect(lossWith({ ...plain, voxelWeight: undefined })).toBeCloseTo((first + second) / 2, 6);
    expect(lossWith(plain)).toBeCloseTo(first / 2, 6);
    expect(lossWith({ ...plain, normalise: 'kept' })).toBeCloseTo(first, 6);
  });

  it.each(['weights', 'voxels', 'kept'] as const)('%s: 0, with a gradient of 0, where nothing is left', (normalise) => {
    const nothing = { classWeights: tensor([0, 0, 5]), crossEntropy: 1, normalise };
    const value = (z: Tensor, dice: number) => ops.softmaxCrossEntropyDice(z, target(), { ...nothing, dice });
    const z = logits();
    const { value: found, grads } = engine().gradients(() => value(z, 0), [z]);
    expect(Math.abs(found.dataSync()[0]!)).toBe(0);
    expect([...grads[0]!.dataSync()].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
    // Class 2 is nowhere: its Dice is 1 / (p of both voxels + 1), five times of which half is taken.
    const absent = Math.E ** 2 / (1 + Math.E + Math.E ** 2) + 1 / (2 + Math.E);
    expect(value(logits(), 1).dataSync()[0]).toBeCloseTo(1 - 2.5 / (absent + 1), 5);
  });
});

describe('gradients equal central differences', () => {
  const wave = (shape: number[], phase: number): Tensor => {
    const size = shape.reduce((product, side) => product * side, 1);
    return tensor(
      Float32Array.from({ length: size }, (_, index) => Math.sin(1.3 * index + phase)),
      shape,
    );
  };

  it('through convolution, normalisation, resizing, transposed convolution and loss', () => {
    const x = wave([1, 2, 4, 4, 2], 0);
    const target = tensor(
      Int32Array.from({ length: 32 }, (_, index) => index % 3),
      [1, 2, 4, 4],
    );
    const weights = [wave([3, 3, 3, 2, 4], 1), wave([4], 2), wave([4], 3), wave([1, 2, 2, 3, 4], 4)] as const;
    const forward = ([filter, scale, offset, up]: readonly Tensor[]): Tensor => {
      const wide = ops.conv3d(x, filter!, { padding: 'same' });
      const options = { norm: 'instance', slope: 1, training: true, scale: scale!, offset: offset! } as const;
      const small = ops.resizeTrilinear(ops.normActivation(wide, options), [2, 2, 2]);
      const logits = ops.conv3dTranspose(small, up!, { strides: [1, 2, 2] });
      return ops.softmaxCrossEntropyDice(logits, target, { crossEntropy: 1, dice: 1 });
    };
    const { grads } = engine().gradients(() => forward(weights), [...weights]);
    const step = 1e-2;
    weights.forEach((weight, index) => {
      const at = weight.size >> 1;
      const moved = (by: number): number => {
        const data = weight.dataSync().slice() as Float32Array;
        data[at]! += by;
        return forward(weights.map((other, i) => (i === index ? tensor(data, other.shape) : other))).dataSync()[0]!;
      };
      const difference = (moved(step) - moved(-step)) / (2 * step);
      expect(grads[index]!.dataSync()[at], `weight ${index}`).toBeCloseTo(difference, 3);
      expect(Math.abs(difference)).toBeGreaterThan(1e-3);
    });
  });
});

describe('fused operations', () => {
  it('take the place of the composed ones', () => {
    const x = zeros([1, 2, 2, 2, 1]);
    const fused = createOps({ resizeTrilinear: () => x });
    expect(fused.resizeTrilinear(zeros([1, 1, 1, 1, 1]), [4, 4, 4])).toBe(x);
    expect(fused.conv3d).toBe(ops.conv3d);
  });
});
