export { builtIns } from './built-ins.js';
export { type PredictOptions, predictImage } from './inference/predict.js';
export type { SlidingWindowOptions, WindowNetwork } from './inference/sliding-window.js';
export { createOps } from './ops/create-ops.js';
export { type AdamOptions, createAdam } from './optimization/adam.js';
export { createConstant, createPoly, lossWeightAt, type PolyOptions } from './optimization/schedules.js';
export { createSgd, type SgdOptions } from './optimization/sgd.js';
export { openBackend } from './run/open-backend.js';
export { type EvaluateOptions, evaluateRun } from './trained/evaluate-run.js';
export { type CheckpointChoice, openTrained, type TrainedNetwork } from './trained/open-trained.js';
export type {
  BackendSlot,
  LossInputs,
  LossResult,
  LossSetup,
  LossSlot,
  LossStep,
  LossTermTensors,
  LossViewTensors,
  Ops,
  OptimizerInput,
  OptimizerOutput,
  OptimizerSlot,
  RunningBackend,
  RunningStudent,
  StudentContext,
  StudentNetwork,
  StudentPass,
  StudentResult,
  StudentSlot,
  TeacherInput,
  TeacherResult,
  TeacherSetup,
  TeacherSlot,
  TeacherStep,
  TensorMap,
} from './types.js';
