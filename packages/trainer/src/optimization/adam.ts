import type { Optimizer, OptimizerResult, OptimizerStep, ParameterSpec } from '@dinomix/core';
import { add, div, expm1, mul, neg, sqrt, square, sub, type Tensor } from '@tensorflow/tfjs-core';

/** Options of {@link createAdam}. */
export interface AdamOptions {
  /** Rate before the schedule. */
  readonly learningRate: number;
  /** Decay rates of the two moments, in [0, 1). */
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  /** True shrinks the weights by lr · λ (AdamW, Loshchilov and Hutter 2019); false adds λ w to the gradient. */
  readonly decoupled: boolean;
}

const COUNT = 'steps';

/** 1 - betaᵗ, without the cancellation that float32 has near 1. */
function correction(beta: number, count: Tensor): Tensor {
  return neg(expm1(mul(count, Math.log(beta))));
}

/** Adam (Kingma and Ba 2015) as `torch.optim.Adam` and `torch.optim.AdamW`. */
export function createAdam(options: AdamOptions): Optimizer<Tensor> {
  const { learningRate, betas, epsilon, weightDecay, decoupled } = options;
  const moment = (spec: ParameterSpec, name: string): ParameterSpec => ({
    ...spec,
    name: `${name}/${spec.name}`,
    initializer: { kind: 'constant', value: 0 },
  });
  return {
    learningRate,
    state(parameters) {
      const trainable = parameters.filter((spec) => spec.trainable);
      const zero = { kind: 'constant', value: 0 } as const;
      const count = { name: COUNT, shape: [], initializer: zero, trainable: false, decay: false };
      return [count, ...trainable.flatMap((spec) => [moment(spec, 'mean'), moment(spec, 'variance')])];
    },
    apply(step: OptimizerStep<Tensor>): OptimizerResult<Tensor> {
      const count = add(step.state[COUNT]!, 1);
      const corrections = betas.map((beta) => correction(beta, count)) as [Tensor, Tensor];
      const stepSize = div(step.learningRate, corrections[0]);
      const weights: Record<string, Tensor> = {};
      const state: Record<string, Tensor> = { [COUNT]: count };
      for (const spec of step.parameters) {
        const given = step.gradients[spec.name];
        if (given === undefined) continue;
        const decay = spec.decay ? weightDecay : 0;
        let weight = step.weights[spec.name]!;
        const gradient = decay > 0 && !decoupled ? add(given, mul(weight, decay)) : given;
        if (decay > 0 && decoupled) weight = sub(weight, mul(weight, mul(step.learningRate, decay)));
        const mean = add(mul(step.state[`mean/${spec.name}`]!, betas[0]), mul(gradient, 1 - betas[0]));
        const variance = add(mul(step.state[`variance/${spec.name}`]!, betas[1]), mul(square(gradient), 1 - betas[1]));
        const scale = add(sqrt(div(variance, corrections[1])), epsilon);
        weights[spec.name] = sub(weight, mul(div(mean, scale), stepSize));
        state[`mean/${spec.name}`] = mean;
        state[`variance/${spec.name}`] = variance;
      }
      return { weights, state };
    },
  };
}
