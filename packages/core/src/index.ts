export {
  type BuiltInKey,
  type Config,
  type ConfigInput,
  defineConfig,
  definePreset,
  type LossWeightInput,
  type PluginKeys,
  type Preset,
  type PresetKeys,
  type RawConfig,
  type UseInput,
} from './config/define-config.js';
export { jsonDifferences } from './config/differences.js';
export { hashJson } from './config/fingerprint.js';
export { type LoadedConfig, loadConfigFile } from './config/load.js';
export { parseOverride } from './config/override.js';
export type { SettingsInput } from './config/schema.js';
export type {
  ConfigEnvironment,
  ConfigSettings,
  InferenceSettings,
  LossWeight,
  ResolvedConfig,
  ResolvedPlugin,
  TrainSettings,
  UseSettings,
} from './config/types.js';
export { byteSize } from './errors/byte-size.js';
export { dmxError, ERROR_CODES, type ErrorCode, type ErrorDetails } from './errors/codes.js';
export {
  codedError,
  DmxError,
  type ErrorContent,
  type ErrorContext,
  type ErrorPhase,
  errorFromJson,
  isDmxError,
  reasonOf,
} from './errors/dmx-error.js';
export { shellWord } from './errors/shell-word.js';
export { didYouMean, nearest } from './errors/suggest.js';
export {
  HOOK_NAMES,
  HOOKS,
  type HookDefinition,
  type HookKind,
  type HookName,
  type HookTable,
} from './hooks/definitions.js';
export type { TapEntry } from './hooks/hook-set.js';
export type {
  BatchContext,
  CheckpointReader,
  CheckpointWriter,
  ForwardContext,
  GradientContext,
  MixedBatch,
  MixedView,
  RunContext,
  Sample,
  SampleContext,
  StopDecision,
  TeacherChoice,
  TeacherOutputs,
  WeightsContext,
} from './hooks/payloads.js';
export type {
  HookArguments,
  HookCaller,
  HookCallers,
  HookResult,
  ScopedValue,
  TapFunction,
  TapOptions,
  TapTarget,
  TapTargets,
} from './hooks/tap-target.js';
export type { ExplainedSlot, ExplainedValue, Explanation } from './host/explain.js';
export { createHost, type Host, type HostOptions } from './host/host.js';
export { type RestoredHost, restoreHost, SPEC_FILE, type StoredConfig } from './host/restore-host.js';
export type { Run } from './host/run.js';
export type { Bound, BoundSlot } from './host/setup.js';
export { CONFIG_TOKEN, RUN_INFO, SIGNAL } from './host/tokens.js';
export { parseJsonDocument, readJsonDocument } from './json/read-document.js';
export { withDeadline } from './lifecycle/deadline.js';
export type { Disposer } from './lifecycle/disposal-stack.js';
export type { LifecycleState } from './lifecycle/state.js';
export { definePlugin, parseSlotKey } from './plugin/define-plugin.js';
export { satisfies } from './plugin/semver.js';
export type { SlotKey } from './plugin/slot-key.js';
export type {
  IdsOf,
  OptionsInput,
  OptionsOutput,
  OptionsSchema,
  PluginApi,
  PluginCapabilities,
  PluginDefinition,
  PluginFactory,
  PluginInstance,
  Renamed,
  SchemaIssue,
  SlotContext,
  SlotFactory,
  SlotsOf,
} from './plugin/types.js';
export { CORE_VERSION, PLUGIN_API_LEVEL } from './plugin/version.js';
export type { Constructor } from './scope/di.js';
export { createScope, type Scope } from './scope/scope.js';
export type {
  Backend,
  BackendKernels,
  BackendSession,
  BackendSetup,
  BackendUsage,
  DeviceName,
  ExportRequest,
  FunctionMemory,
  Network,
  RecordedFunction,
  StudentRequest,
  TensorFunction,
  WindowLook,
  WindowRequest,
  WindowSum,
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
  RandomStreams,
  RunInfo,
  SlotState,
  StateArray,
  Stateful,
  StepContext,
  StepPosition,
} from './slots/contracts/common.js';
export type {
  AbsentCase,
  AugmentationStep,
  Batch,
  BodyCrop,
  CaseData,
  CaseDigests,
  CaseIdentity,
  CaseReader,
  CaseRole,
  ClassInfo,
  CreateCaseReader,
  Crop,
  DataFingerprint,
  DataProblem,
  Dataset,
  DatasetFacts,
  ImageReading,
  KnownDigests,
  LabelledBatch,
  Normalisation,
  NormalisationStep,
  PatchSampling,
  PreparedVolume,
  Preprocessing,
  RecordedSplit,
  UnlabelledBatch,
  WorkerSource,
  WorkingGrid,
} from './slots/contracts/dataset.js';
export type {
  Executor,
  ExecutorContext,
  RunSpec,
} from './slots/contracts/executor.js';
export type { GraphContext, ReportUnit } from './slots/contracts/graph-context.js';
export type {
  Loss,
  LossBuildContext,
  LossContext,
  LossInput,
  LossTerm,
  LossValue,
  LossView,
  StudentRun,
  ViewNeed,
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
  AxisRange,
  CaseResult,
  EpochReport,
  EvaluatedData,
  EvaluationReport,
  MemoryEstimate,
  MemoryRoom,
  Reported,
  Reporter,
  RunEvent,
  RunOutcome,
  RunPage,
  RunRecord,
  SliceReport,
  StepReport,
  TrainedImages,
} from './slots/contracts/reporter.js';
export type { Schedule } from './slots/contracts/schedule.js';
export type {
  Selection,
  Selector,
  SelectorBuildContext,
  SelectorInput,
} from './slots/contracts/selector.js';
export type {
  BuiltStudent,
  ForwardPass,
  PassItems,
  Student,
  StudentBuildContext,
  StudentModel,
  StudentOutput,
} from './slots/contracts/student.js';
export type {
  Teacher,
  TeacherAnswer,
  TeacherContext,
  TeacherOpenContext,
  TeacherOutline,
  TeacherOutlineContext,
  TeacherOutput,
  TeacherPart,
  TeacherState,
} from './slots/contracts/teacher.js';
export type {
  CachingTeacher,
  TeacherCacheContext,
  TeacherCacheFill,
  TeacherCachePlan,
} from './slots/contracts/teacher-cache.js';
export type {
  Conv3dOptions,
  Conv3dTransposeOptions,
  CrossEntropyDiceOptions,
  CrossEntropyNormaliser,
  DropoutOptions,
  NormActivationOptions,
  RandomOptions,
  RunningStatistics,
  TensorOps,
} from './slots/contracts/tensor-ops.js';
export type { BatchPart, PseudoTarget, ViewName } from './slots/contracts/views.js';
export type {
  HostWeighter,
  Weighter,
  WeighterBuildContext,
  WeighterInput,
  WeighterView,
} from './slots/contracts/weighter.js';
export type {
  SlotArity,
  SlotName,
  SlotTypes,
  Token,
} from './slots/tokens.js';
export { SLOT_NAMES, SLOTS, token } from './slots/tokens.js';
