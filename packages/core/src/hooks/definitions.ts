import type { ConfigEnvironment, ConfigSettings, ResolvedConfig } from '../config/types.js';
import type { DmxError } from '../errors/dmx-error.js';
import type { NamedTensors, RunInfo, StepContext } from '../slots/contracts/common.js';
import type { Batch, DatasetFacts } from '../slots/contracts/dataset.js';
import type { LossTerm } from '../slots/contracts/loss.js';
import type { MixPlan } from '../slots/contracts/mixer.js';
import type { CaseResult, EpochReport, RunEvent, RunOutcome, StepReport } from '../slots/contracts/reporter.js';
import type { StudentOutput } from '../slots/contracts/student.js';
import type {
  BatchContext,
  CheckpointReader,
  CheckpointWriter,
  ForwardContext,
  GradientContext,
  MixedBatch,
  RunContext,
  Sample,
  SampleContext,
  StopDecision,
  TeacherChoice,
  TeacherOutputs,
  WeightsContext,
} from './payloads.js';

/**
 * How the taps of a hook work together.
 * - `series`: each is awaited in order; nothing is returned.
 * - `scoped-series`: the same, and each gets a value made for its own plugin.
 * - `parallel`: all start at once; all are awaited even if one fails. For input and output only.
 * - `waterfall`: each may return a new value for those after it; undefined leaves it.
 * - `bail`: the first that returns an object decides.
 * - `sync-waterfall`, `sync-bail`: the same without promises.
 */
export type HookKind = 'series' | 'scoped-series' | 'parallel' | 'waterfall' | 'bail' | 'sync-waterfall' | 'sync-bail';

/** One row of the table. `V` is the value that taps get, `C` its context, `R` what a bail hook decides. */
export interface HookDefinition<K extends HookKind = HookKind, V = unknown, C = unknown, R = unknown> {
  /** Dotted name in documents, messages and traces. */
  readonly name: string;
  readonly kind: K;
  /** When it fires. */
  readonly moment: string;
  /** What taps get and may return. */
  readonly gives: string;
  /** Version of core that has it first. */
  readonly since: string;
  /** Fires while the gradient tape is open. */
  readonly inTape: boolean;
  /** Taps run in the opposite order, as the last to start is the first to stop. */
  readonly reverse: boolean;
  /** A failing tap does not keep the others from running; the first failure is thrown after the last tap. */
  readonly toTheEnd: boolean;
  /** Carries the types; never set. */
  readonly types?: { readonly value: V; readonly context: C; readonly decision: R };
}

interface Flags {
  readonly inTape?: true;
  readonly reverse?: true;
  readonly toTheEnd?: true;
}

function hook<K extends HookKind>(kind: K, name: string, moment: string, gives: string, flags: Flags = {}) {
  const { inTape = false, reverse = false, toTheEnd = false } = flags;
  return <V, C, R = never>(): HookDefinition<K, V, C, R> =>
    Object.freeze({ name, kind, moment, gives, since: '1.0.0', inTape, reverse, toTheEnd });
}

/** The rows, for tensors of type `T`. */
function defineHooks<T>() {
  return Object.freeze({
    configModify: hook(
      'waterfall',
      'config.modify',
      'After file, presets and command line are merged and plugins are set up; the result is validated again.',
      'settings (everything but plugins and their options), environment → settings',
    )<ConfigSettings, ConfigEnvironment>(),
    configResolved: hook(
      'series',
      'config.resolved',
      'After validation; the config is frozen.',
      'resolved config, environment',
    )<ResolvedConfig, ConfigEnvironment>(),
    runStart: hook('series', 'run.start', 'Scopes are built, nothing is opened.', 'run info, run')<
      RunInfo,
      RunContext
    >(),
    datasetReady: hook('series', 'dataset.ready', 'Splits are verified, class counts known.', 'dataset facts, run')<
      DatasetFacts,
      RunContext
    >(),
    datasetSample: hook(
      'waterfall',
      'dataset.sample',
      'One case is read and preprocessed; typed arrays, no tensors.',
      'sample, run → sample',
    )<Sample, SampleContext>(),
    batchReady: hook('waterfall', 'batch.ready', 'The crops of a step are assembled.', 'batch, step → batch')<
      Batch,
      StepContext
    >(),
    teacherResolve: hook(
      'bail',
      'teacher.resolve',
      'Before the teachers run; chooses among those of the config.',
      'ids of the teachers, step → { teachers } or undefined for all',
    )<readonly string[], StepContext, TeacherChoice>(),
    teacherPredicted: hook(
      'waterfall',
      'teacher.predicted',
      'After all teachers of images ran: sharpen, threshold, debias.',
      'outputs by teacher id, step and batch → outputs',
    )<TeacherOutputs<T>, BatchContext>(),
    mixerPlan: hook(
      'waterfall',
      'mixer.plan',
      'The mixers proposed a plan, which is plain data.',
      'mix plan, step and batch → mix plan',
    )<MixPlan, BatchContext>(),
    mixerMixed: hook('series', 'mixer.mixed', 'The plan is applied.', 'mixed batch, step and batch')<
      MixedBatch<T>,
      BatchContext
    >(),
    studentForward: hook(
      'sync-waterfall',
      'student.forward',
      'Logits and features of one student on one view.',
      'student output, step, student and view → student output',
      { inTape: true },
    )<StudentOutput<T>, ForwardContext>(),
    weightsUpdate: hook(
      'sync-waterfall',
      'weights.update',
      'After the weighters, once per student; all 1 where nothing weighs.',
      'class weights [k], step and student → class weights',
      { inTape: true },
    )<T, WeightsContext>(),
    lossTerms: hook(
      'sync-waterfall',
      'loss.terms',
      'All terms are evaluated, not yet weighted.',
      'loss terms, step → loss terms',
      { inTape: true },
    )<readonly LossTerm<T>[], StepContext>(),
    lossReduce: hook(
      'sync-bail',
      'loss.reduce',
      'The terms are about to become one scalar.',
      'loss terms, step → { value } or undefined for the weighted sum',
      { inTape: true },
    )<readonly LossTerm<T>[], StepContext, { readonly value: T }>(),
    gradientsReady: hook(
      'sync-waterfall',
      'gradients.ready',
      'After the tape, before the optimizer: clip, accumulate, mask.',
      'gradients by parameter name, step and owner → gradients',
    )<NamedTensors<T>, GradientContext>(),
    stepEnd: hook('series', 'step.end', 'Optimizer and teachers are updated, tensors released.', 'step report, step')<
      StepReport,
      StepContext
    >(),
    epochEnd: hook('series', 'epoch.end', 'After the last step of an epoch and its evaluation.', 'epoch report, run')<
      EpochReport,
      RunContext
    >(),
    evalCase: hook('series', 'eval.case', 'One case is evaluated.', 'case result, run')<CaseResult, RunContext>(),
    runShouldStop: hook(
      'bail',
      'run.shouldStop',
      'After each epoch.',
      'epoch report, run → { stop, reason } or undefined',
    )<EpochReport, RunContext, StopDecision>(),
    checkpointSave: hook(
      'scoped-series',
      'checkpoint.save',
      'A checkpoint is being written.',
      'writer for the keys of the own plugin, run',
    )<CheckpointWriter, RunContext>(),
    checkpointLoad: hook(
      'scoped-series',
      'checkpoint.load',
      'A checkpoint is being restored.',
      'reader for the keys of the own plugin, run',
    )<CheckpointReader, RunContext>(),
    reportEvent: hook('parallel', 'report.event', 'Anything worth recording happened; no tensors.', 'run event, run', {
      toTheEnd: true,
    })<RunEvent, RunContext>(),
    runError: hook('series', 'run.error', 'At the first failure, before shutdown.', 'error, run', { toTheEnd: true })<
      DmxError,
      RunContext
    >(),
    runEnd: hook('series', 'run.end', 'Always, also after errors; in reverse order.', 'outcome, run', {
      reverse: true,
      toTheEnd: true,
    })<RunOutcome, RunContext>(),
  });
}

/** The table of hooks with the types of its values. */
export type HookTable<T = unknown> = ReturnType<typeof defineHooks<T>>;

/** Property name of a hook, e.g. `mixerPlan` for `mixer.plan`. */
export type HookName = keyof HookTable;

/** Every hook with its kind, moment and version: the one place where hooks are declared. */
export const HOOKS: HookTable = defineHooks<unknown>();

/** Property names in the order of {@link HOOKS}. */
export const HOOK_NAMES: readonly HookName[] = Object.freeze(Object.keys(HOOKS) as HookName[]);
