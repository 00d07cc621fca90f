import type { NamedTensors, Optimizer, OptimizerResult, OptimizerStep, ParameterSpec } from '@dinomix/core';
import { add, mul, sub, type Tensor } from '@tensorflow/tfjs-core';

/** Options of {@link createSgd}. */
export interface SgdOptions {
  /** Rate before the schedule. */
  readonly learningRate: number;
  /** In [0, 1); 0 keeps no state. */
  readonly momentum: number;
  readonly nesterov: boolean;
  /** Added to the gradient as weightDecay · weight, where the parameter takes it. */
  readonly weightDecay: number;
}

function stateName(parameter: string): string {
  return `momentum/${parameter}`;
}

/**
 * Stochastic gradient descent as `torch.optim.SGD` without dampening: g ← g + λ w; v ← μ v + g; the step is
 * lr · (g + μ v) with Nesterov's momentum, lr · v without, lr · g at μ = 0.
 */
export function createSgd(options: SgdOptions): Optimizer<Tensor> {
  const { learningRate, momentum, nesterov, weightDecay } = options;
  const withDecay = (gradient: Tensor, weight: Tensor, spec: ParameterSpec): Tensor =>
    spec.decay && weightDecay > 0 ? add(gradient, mul(weight, weightDecay)) : gradient;
  return {
    learningRate,
    state(parameters) {
      if (momentum === 0) return [];
      return parameters
        .filter((spec) => spec.trainable)
        .map((spec) => ({ ...spec, name: stateName(spec.name), initializer: { kind: 'constant', value: 0 } }));
    },
    apply(step: OptimizerStep<Tensor>): OptimizerResult<Tensor> {
      const weights: Record<string, Tensor> = {};
      const state: Record<string, Tensor> = {};
      const present: NamedTensors<Tensor> = step.gradients;
      for (const spec of step.parameters) {
        const given = present[spec.name];
        if (given === undefined) continue;
        const weight = step.weights[spec.name]!;
        const gradient = withDecay(given, weight, spec);
        let direction = gradient;
        if (momentum > 0) {
          const name = stateName(spec.name);
          const velocity = add(mul(step.state[name]!, momentum), gradient);
          state[name] = velocity;
          direction = nesterov ? add(gradient, mul(velocity, momentum)) : velocity;
        }
        weights[spec.name] = sub(weight, mul(direction, step.learningRate));
      }
      return { weights, state };
    },
  };
}
