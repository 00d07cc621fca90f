export type {
  BatchContext,
  CheckpointReader,
  CheckpointWriter,
  ForwardContext,
  MixedBatch,
  MixedView,
  Sample,
  SampleContext,
  StopDecision,
  StudentClassWeights,
  TeacherChoice,
  TeacherOutputs,
  TeacherRequest,
  WeightsContext,
} from './hooks/payloads.js';
export type {
  Backend,
  BackendSession,
  BackendSetup,
  BackendUsage,
  DeviceName,
  ExportRequest,
  Network,
} from './slots/contracts/backend.js';
export type {
  Axis,
  BatchShape,
  Index3,
  Initializer,
  Json,
  JsonObject,
  NamedTensors,
  ParameterSpec,
  RandomKey,
  RandomStream,
  RandomStreams,
  RunInfo,
  SlotState,
  StateArray,
  Stateful,
  StepContext,
  StepPosition,
} from './slots/contracts/common.js';
export type {
  Batch,
  CaseData,
  CaseImage,
  CaseReader,
  CaseRole,
  ClassInfo,
  CreateCaseReader,
  Crop,
  DataFingerprint,
  DataProblem,
  Dataset,
  DatasetFacts,
  LabelledBatch,
  Normalisation,
  NormalisationStep,
  PatchSampling,
  Preprocessing,
  UnlabelledBatch,
  WorkerSource,
  WorkingGrid,
} from './slots/contracts/dataset.js';
export type {
  Executor,
  ExecutorContext,
  RunSpec,
} from './slots/contracts/executor.js';
export type {
  Loss,
  LossBuildContext,
  LossContext,
  LossInput,
  LossTerm,
  LossValue,
  LossView,
  PseudoTarget,
  ViewName,
} from './slots/contracts/loss.js';
export type {
  Metric,
  MetricColumn,
  MetricInput,
  MetricValues,
} from './slots/contracts/metric.js';
export type {
  DonorBank,
  DonorDraw,
  Mixer,
  MixFacts,
  MixItem,
  MixPlan,
  Paste,
  SourceRef,
} from './slots/contracts/mixer.js';
export type {
  Optimizer,
  OptimizerResult,
  OptimizerStep,
} from './slots/contracts/optimizer.js';
export type {
  CaseResult,
  EpochReport,
  EvaluationReport,
  Reporter,
  RunEvent,
  RunOutcome,
  RunRecord,
  SliceReport,
  StepReport,
} from './slots/contracts/reporter.js';
export type { Schedule } from './slots/contracts/schedule.js';
export type {
  BuiltStudent,
  ForwardPass,
  Student,
  StudentBuildContext,
  StudentModel,
  StudentOutput,
} from './slots/contracts/student.js';
export type {
  BatchPart,
  Teacher,
  TeacherAnswer,
  TeacherContext,
  TeacherOpenContext,
  TeacherOutput,
  TeacherPart,
  TeacherWeights,
} from './slots/contracts/teacher.js';
export type {
  Conv3dOptions,
  Conv3dTransposeOptions,
  CrossEntropyDiceOptions,
  DropoutOptions,
  NormActivationOptions,
  RunningStatistics,
  TensorOps,
} from './slots/contracts/tensor-ops.js';
export type {
  ClassWeights,
  StudentEvidence,
  WeightEvidence,
  Weighter,
} from './slots/contracts/weighter.js';
export type {
  SlotArity,
  SlotName,
  SlotTypes,
  Token,
} from './slots/tokens.js';
export { SLOT_NAMES, SLOTS, token } from './slots/tokens.js';
