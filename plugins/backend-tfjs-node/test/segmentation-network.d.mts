import type * as TensorFlow from '@tensorflow/tfjs-core';

export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface Batch {
  readonly shape: readonly [number, number, number, number];
  readonly image: Float32Array;
  readonly labels: Int32Array;
}

export interface Problem {
  readonly parameters: readonly Parameter[];
  readonly batch: Batch;
  readonly slope: number;
}

export interface Training extends Problem {
  readonly steps: number;
  readonly learningRate: number;
  readonly momentum: number;
}

export declare function createParameters(seed: number, kernel: 2 | 3): readonly Parameter[];
export declare function createBatch(seed: number, shape: Batch['shape']): Batch;
export declare function gradientsOn(
  tf: typeof TensorFlow,
  backend: string,
  problem: Problem,
): Promise<{ readonly loss: number; readonly gradients: Readonly<Record<string, Float32Array>> }>;
export declare function trainOn(
  tf: typeof TensorFlow,
  backend: string,
  training: Training,
): Promise<{
  readonly losses: readonly number[];
  readonly milliseconds: readonly number[];
  readonly weights: Readonly<Record<string, Float32Array>>;
}>;
export declare function relativeL2(a: Float32Array, b: Float32Array): number;
