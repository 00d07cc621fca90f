import type { NamedTensors, StepContext } from './common.js';
import type { TensorOps } from './tensor-ops.js';

/** What reported numbers are: shares in [0, 1], counts of voxels, or any other values. */
export type ReportUnit = 'share' | 'count' | 'value';

/**
 * Handed to everything that works in the graph of a step: a step is recorded once and replayed. Numbers that change from
 * step to step are tensors, so that a new step is not a new graph.
 */
export interface GraphContext<T> {
  /** Scalar float32: `position.step`. */
  readonly iteration: T;
  /** Scalar float32: `position.epoch`. */
  readonly epoch: T;
  /** Scalar float32 in [0, 1): steps so far through those of the whole run. */
  readonly progress: T;
  /** Epochs of the run, and steps of an epoch: the same throughout. */
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Key for {@link TensorOps.random} and {@link TensorOps.dropout}: the same for the same purpose in the same step. */
  key(purpose: string): T;
  readonly ops: TensorOps<T>;
  /** Present values of the variables that the part declared, by name. */
  readonly state: NamedTensors<T>;
  /**
   * Takes the new value of a variable that is not trainable; it is stored after the step, and saved by the trainer.
   * @throws when the part declared no such variable, or one of another shape.
   */
  setState(name: string, value: T): void;
  /** Shows numbers `[n]` under a name in the report of the step; the trainer reads them with everything else. */
  report(name: string, values: T, unit: ReportUnit): void;
  /**
   * Position, random streams and signal of this step as plain values. What was computed from them must not be replayed: from
   * the first call on the graph is made anew in every step, which is slow and which the run says once, with the part's name.
   */
  host(): StepContext;
}
