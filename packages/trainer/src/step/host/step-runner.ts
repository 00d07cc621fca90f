import type {
  Batch,
  Crop,
  DatasetFacts,
  DonorBank,
  HookCallers,
  LabelledBatch,
  RunInfo,
  StepPosition,
  StepReport,
} from '@dinomix/core';
import { dispose, scalar, type Tensor } from '@tensorflow/tfjs-core';
import { lossWeightAt } from '../../optimization/schedules.js';
import type { RunningBackend } from '../../types.js';
import { contextFor, type StepMoment } from '../contexts.js';
import type { StepEnvironment } from '../graph/environment.js';
import type { TraceNotes } from '../graph/evaluate-step.js';
import { createSink, type Sink } from '../graph/sink.js';
import { createTeachGraph } from '../graph/teach-graph.js';
import { createTrainGraph } from '../graph/train-graph.js';
import type { Worker } from '../guard.js';
import { hostParts } from '../host-parts.js';
import { NUMBERS, PSEUDO_WEIGHT, studentVariable } from '../names.js';
import type { StepParts } from '../parts.js';
import { modeInUse, type PassMode } from '../plan-passes.js';
import { graphKeyWords } from '../random.js';
import { announceMix } from './announce-mix.js';
import { createGraphCache, type GraphCache } from './graph-cache.js';
import { hostWeights } from './host-weights.js';
import { type MixedStep, mixStep } from './mix-step.js';
import { addTokenMix, type TokenSlots } from './mix-tokens.js';
import { createPasses } from './passes/run-passes.js';
import { assertFinite, readReports, readStep } from './report.js';
import { batchInputs, createStepInputs, numberInputs, type StepInputs } from './step-inputs.js';
import { chooseTeachers, createTeacherDesk, type TeacherDesk } from './teacher-desk.js';
import type { Variables } from './variables.js';

/** What steps are made of. */
export interface StepRunnerOptions {
  readonly parts: StepParts;
  readonly variables: Variables;
  readonly hooks: HookCallers<Tensor>;
  readonly run: RunInfo;
  readonly session: RunningBackend;
  readonly facts: DatasetFacts;
  /** How the views of a student pass through it. */
  readonly passes: PassMode;
  readonly bank: DonorBank;
  readonly cutDonors: (crops: readonly Crop[]) => Promise<LabelledBatch>;
  /** A sentence about the last good checkpoint, for error messages. */
  readonly checkpointNote: () => string;
  /** Tells the user something that does not stop the run. */
  readonly warn: (message: string, plugin: string | null) => void;
}

/** Makes one step after another. */
export interface StepRunner {
  /**
   * One training step.
   * @throws DMX_LOSS_NOT_FINITE before any weight has changed; DMX_PLUGIN_FAILED, DMX_MIX_PLAN and errors of hooks.
   */
  step(batch: Batch, position: StepPosition, signal: AbortSignal): Promise<StepReport>;
}

/** What stays from step to step, besides the variables. */
interface RunnerState {
  readonly options: StepRunnerOptions;
  readonly mode: PassMode;
  readonly train: GraphCache<TraceNotes>;
  readonly teach: GraphCache<void>;
  readonly slots: TokenSlots;
  /** Environment of the step that is being made. */
  environment: StepEnvironment | undefined;
  /** Who looked at something in a graph that changes from step to step. */
  looked: Worker | null;
  /** Names of the variables that gradients reach. */
  readonly trained: ReadonlySet<string>;
}

/** A step on its way. */
interface OpenStep {
  readonly batch: Batch;
  readonly moment: StepMoment;
  readonly inputs: StepInputs;
  readonly desk: TeacherDesk;
  readonly learningRate: number;
  readonly lossWeights: Readonly<Record<string, number>>;
  readonly crops: { current: StepEnvironment['crops'] };
  /** What parts outside the graph report. */
  readonly sink: Sink;
}

function trainedVariables({ students }: StepParts): ReadonlySet<string> {
  const names = students.flatMap(({ id, specs }) =>
    specs.filter(({ trainable }) => trainable).map(({ name }) => studentVariable(id, name)),
  );
  return new Set(names);
}

/** Says once who keeps the steps from being replayed. */
function noteLook(state: RunnerState, who: Worker): void {
  if (state.looked !== null) return;
  state.looked = who;
  state.options.warn(
    `${who.key} asks for what changes from step to step, so that every step is made anew, which is slower. Take "iteration", "epoch", "progress" and "key" of the context instead.`,
    who.plugin,
  );
}

function createState(options: StepRunnerOptions): RunnerState {
  const { hooks, session, parts } = options;
  const mode = modeInUse(options.passes, parts.views);
  const inTape = [hooks.studentForward, hooks.weightsUpdate, hooks.lossTerms, hooks.lossReduce, hooks.gradientsReady];
  const mayReplay = (): boolean => state.looked === null && inTape.every((hook) => !hook.isUsed());
  const environment = (): StepEnvironment => state.environment!;
  const state: RunnerState = {
    options,
    mode,
    train:
      mode === 'together'
        ? createGraphCache(session, (note) => createTrainGraph(environment, note), mayReplay)
        : createPasses({ session, mode, environment, mayReplay }),
    teach: createGraphCache(session, (note) => createTeachGraph(environment, note), mayReplay),
    slots: { terms: 1, donors: 0 },
    environment: undefined,
    looked: null,
    trained: trainedVariables(parts),
  };
  return state;
}

/** Everything up to the first question to a teacher. */
async function openStep(state: RunnerState, given: Batch, moment: StepMoment, inputs: StepInputs): Promise<OpenStep> {
  const { parts, hooks, variables, run } = state.options;
  const { position } = moment;
  const batch = hooks.batchReady.isUsed() ? await hooks.batchReady.call(given, contextFor('hook', moment)) : given;
  const learningRate = parts.optimizer.value.learningRate * parts.schedule.value.factor(position);
  const lossWeights = Object.fromEntries(parts.losses.map(({ id, weight }) => [id, lossWeightAt(weight, position)]));
  const key = graphKeyWords({ seed: run.seed, epoch: position.epoch, stepInEpoch: position.stepInEpoch });
  inputs.add({ ...batchInputs(batch), ...numberInputs({ learningRate, position, key, lossWeights }) });
  const host = hostParts(batch);
  const chosen = await chooseTeachers(parts, hooks, moment);
  const sink = createSink();
  const material = {
    parts,
    hooks,
    moment,
    batch,
    host,
    inputs,
    variables: variables.tensors,
    graph: state.teach,
    sink,
  };
  const desk = createTeacherDesk(chosen, material);
  const { labelled, unlabelled } = batch;
  const crops = { current: { labelled: labelled.crops, ...(unlabelled && { unlabelled: unlabelled.crops }) } };
  state.environment = {
    parts,
    hooks,
    moment,
    host,
    lossWeights,
    get crops() {
      return crops.current;
    },
    get traced() {
      return desk.traced();
    },
    taughtBy: desk.taughtBy,
    isTrained: (name) => state.trained.has(name),
    onLook: (who) => noteLook(state, who),
  };
  return { batch, moment, inputs, desk, learningRate, lossWeights, crops, sink };
}

/** Plans and applies the mix, and tells the hook. */
async function mix(state: RunnerState, { batch, desk, inputs, moment, crops, sink }: OpenStep): Promise<MixedStep> {
  const { parts, hooks, facts, bank, cutDonors, variables } = state.options;
  const { hasPseudo, pseudoLabels } = desk;
  const material = { parts, hooks, facts, bank, cutDonors, hasPseudo, pseudoLabels };
  const { mixed, inputs: added } = await mixStep(batch, material, moment);
  inputs.add({ ...added, [PSEUDO_WEIGHT]: scalar(mixed.plan.pseudoWeight) });
  await addTokenMix({ mixed, slots: state.slots, inputs, variables: variables.tensors, parts, moment, sink });
  crops.current = mixed.crops;
  if (hooks.mixerMixed.isUsed() && parts.mixers.length > 0) {
    await announceMix(batch, mixed, { ...variables.tensors, ...inputs.tensors }, state.environment!, hooks, moment);
  }
  return mixed;
}

/** What mixers, and teachers outside the graph, report. */
function hostReports({ parts }: StepRunnerOptions, sink: Sink): StepReport['reports'] {
  const mixers = parts.mixers.flatMap(({ id, value }) => {
    const told = value.report?.();
    return told === undefined ? [] : [[`mixer:${id}`, told] as const];
  });
  return { ...Object.fromEntries(mixers), ...readReports(sink.tensors(), sink.units) };
}

async function makeStep(state: RunnerState, open: OpenStep, started: number): Promise<StepReport> {
  const { parts, variables, checkpointNote } = state.options;
  const { batch, moment, inputs, desk, learningRate, lossWeights } = open;
  await desk.askOutside();
  inputs.add(await hostWeights(batch, parts, moment));
  const mixed = await mix(state, open);
  if (state.mode !== 'together') desk.askBefore();
  const kind = desk.traced().map(({ id }) => id);
  const { outputs, notes } = state.train.run(kind.join(','), { ...variables.tensors, ...inputs.tensors });
  const { [NUMBERS]: numbers, ...updated } = outputs;
  const data = await numbers!.data<'float32'>();
  numbers!.dispose();
  const about = {
    position: moment.position,
    learningRate,
    lossWeights,
    stepMs: performance.now() - started,
    reports: hostReports(state.options, open.sink),
  };
  const report = readStep(parts, data, notes, about);
  try {
    const donors = mixed.plan.donors.map(({ caseId }) => caseId);
    assertFinite(report, batch, donors, checkpointNote());
  } catch (thrown) {
    dispose(updated);
    throw thrown;
  }
  variables.assign(updated);
  return report;
}

/** Makes a runner at the beginning of a run. */
export function createStepRunner(options: StepRunnerOptions): StepRunner {
  const state = createState(options);
  return {
    async step(given, position, signal) {
      const started = performance.now();
      const inputs = createStepInputs();
      try {
        const open = await openStep(state, given, { run: options.run, position, signal }, inputs);
        return await makeStep(state, open, started);
      } finally {
        inputs.dispose();
      }
    },
  };
}
