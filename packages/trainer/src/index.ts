// The public API of @dinomix/trainer.

export { builtIns } from './built-ins.js';
export { bestCheckpoint, type CheckpointChoice, readCheckpoint } from './checkpoint/checkpoints.js';
export type { CheckpointState, VariableValues } from './checkpoint/state.js';
export { TRAINER_ERROR_CODES, type TrainerErrorCode } from './errors.js';
export { aggregateRuns, type OverRuns, type RunsSummary } from './evaluation/aggregate.js';
export { writeEvaluation } from './evaluation/report-file.js';
export { type InferenceBytes, type InferenceSize, inferenceBytes } from './inference/memory.js';
export type { PlaneScores, ScoreReceiver } from './inference/plane-scores.js';
export { type PredictOptions, predictPrepared, prepareImage } from './inference/predict.js';
export {
  type SlidingWindowOptions,
  slidingWindow,
  type WindowNetwork,
  type WindowVolume,
  type WindowWatch,
} from './inference/sliding-window.js';
export { WholeLabels } from './inference/whole-labels.js';
export { type EstimateOptions, estimateMemory } from './memory/estimate.js';
export { type OpenVariant, type WeighedLever, weighLevers } from './memory/levers.js';
export { memoryRoom } from './memory/room.js';
export { createOps } from './ops/create-ops.js';
export { type AdamOptions, createAdam } from './optimization/adam.js';
export { createConstant, createPoly, lossWeightAt, type PolyOptions } from './optimization/schedules.js';
export { createSgd, type SgdOptions } from './optimization/sgd.js';
export { openBackend, startBackend } from './run/open-backend.js';
export { assertRunFolder } from './run/run-lock.js';
export { runTraining, type TrainingOptions } from './run/run-training.js';
export type { WorkerRequest } from './run/serve.js';
export { writeSpec } from './run/spec-file.js';
export { fillTeacherCaches, type TeacherCacheOptions, type TeacherCacheReport } from './run/teacher-cache.js';
export type { WorkerMessage } from './run/worker-message.js';
export { createPass, type PassChanges } from './step/graph/students.js';
export { type EvaluateOptions, evaluateRun } from './trained/evaluate-run.js';
export { openTrained, type TrainedNetwork } from './trained/open-trained.js';
export type {
  BackendSlot,
  GraphStep,
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
  SelectorInputs,
  SelectorResult,
  SelectorSlot,
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
  WeighterInputs,
  WeighterSlot,
} from './types.js';
