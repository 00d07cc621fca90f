import type { StepPosition } from './common.js';

/** The slot `schedule`: the learning rate over the run. Pure. */
export interface Schedule {
  /** Factor of the optimizer's rate at this step, at least 0. */
  factor(position: StepPosition): number;
}
