import type { NamedTensors, ParameterSpec } from './common.js';

/** One update. All records are keyed by parameter name. */
export interface OptimizerStep<T> {
  readonly parameters: readonly ParameterSpec[];
  readonly weights: NamedTensors<T>;
  /** A parameter without a gradient is left as it is. */
  readonly gradients: NamedTensors<T>;
  /** Variables of {@link Optimizer.state}, by name. */
  readonly state: NamedTensors<T>;
  /** Scalar tensor, so that a changing rate does not change the graph. */
  readonly learningRate: T;
}

/** New values by name; what is absent stays. */
export interface OptimizerResult<T> {
  readonly weights: NamedTensors<T>;
  readonly state: NamedTensors<T>;
}

/** The slot `optimizer`: a pure function from gradients to new values. The trainer assigns and saves them. */
export interface Optimizer<T> {
  /** Rate before the schedule. */
  readonly learningRate: number;
  /** Variables it needs, named after the parameter: `momentum/<parameter name>`. */
  state(parameters: readonly ParameterSpec[]): readonly ParameterSpec[];
  /** Synchronous, outside the tape, in the same graph as the gradients. */
  apply(step: OptimizerStep<T>): OptimizerResult<T>;
}
