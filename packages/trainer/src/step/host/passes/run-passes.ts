import type { NamedTensors } from '@dinomix/core';
import { add, mul, type Tensor } from '@tensorflow/tfjs-core';
import type { RunningBackend } from '../../../types.js';
import type { StepEnvironment } from '../../graph/environment.js';
import type { TraceNotes } from '../../graph/evaluate-step.js';
import { type FeaturesInUse, featuresInUse } from '../../graph/passes/features-in-use.js';
import { createLossGraph, isLossInput, type LossTask } from '../../graph/passes/loss-graph.js';
import {
  addGradients,
  apart,
  createBackwardGraph,
  createForwardGraph,
  networkInputs,
  type PassTask,
} from '../../graph/passes/network-graphs.js';
import { updateAll } from '../../graph/updates.js';
import {
  BUFFER,
  COTANGENT,
  GRADIENT,
  isNumber,
  MORE,
  NUMBERS,
  ownerOf,
  passBuffers,
  prefixed,
  SAID,
  SET,
  SUM,
  saidPrefix,
  studentVariable,
  under,
} from '../../names.js';
import type { StudentPart } from '../../parts.js';
import { type Pass, type PassMode, passInputs, planPasses } from '../../plan-passes.js';
import { createGraphCache, type GraphCache } from '../graph-cache.js';
import { createHeld, type Held } from './held.js';

/** What passes are made with. */
export interface PassOptions {
  readonly session: RunningBackend;
  readonly mode: PassMode;
  readonly environment: () => StepEnvironment;
  /** As of {@link createGraphCache}. */
  readonly mayReplay: () => boolean;
}

/** The graphs of a step in passes, and what they are traced from. */
interface Machine {
  readonly options: PassOptions;
  readonly forward: GraphCache<void>;
  readonly backward: GraphCache<void>;
  readonly add: GraphCache<void>;
  readonly losses: GraphCache<TraceNotes>;
  readonly update: GraphCache<void>;
  /** By the names of what a step has. */
  readonly features: Map<string, FeaturesInUse>;
  pass: PassTask | undefined;
  step: LossTask | undefined;
}

function createMachine(options: PassOptions): Machine {
  const { session, mayReplay } = options;
  const silent = (fn: (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor>) => (onTrace: () => void) => {
    return (tensors: NamedTensors<Tensor>) => {
      onTrace();
      return fn(tensors);
    };
  };
  // A network depends on tensors alone, whatever plugins look at in the rest of the step.
  const always = (): boolean => true;
  const machine: Machine = {
    options,
    forward: createGraphCache<void>(session, silent(createForwardGraph(() => machine.pass!)), always),
    backward: createGraphCache<void>(session, silent(createBackwardGraph(() => machine.pass!)), always),
    add: createGraphCache<void>(session, silent(addGradients), always),
    losses: createGraphCache<TraceNotes>(session, (note) => createLossGraph(() => machine.step!, note), mayReplay),
    update: createGraphCache<void>(
      session,
      silent((tensors) => updateGraph(tensors, machine.step!)),
      mayReplay,
    ),
    features: new Map(),
    pass: undefined,
    step: undefined,
  };
  return machine;
}

/** What the losses read of each student; asked anew where the answer may change from step to step. */
function askFeatures(machine: Machine, tensors: NamedTensors<Tensor>): FeaturesInUse {
  const key = Object.keys(tensors).sort().join();
  const known = machine.options.mayReplay() ? machine.features.get(key) : undefined;
  const features = known ?? featuresInUse(tensors, machine.options.environment());
  machine.features.set(key, features);
  return features;
}

/** One student's run of one pass: what goes in besides cotangents. */
interface Turn {
  readonly student: StudentPart;
  readonly pass: Pass;
  readonly inputs: NamedTensors<Tensor>;
}

function turnsOf({ env, passes }: LossTask, tensors: NamedTensors<Tensor>, held: Held): readonly Turn[] {
  const inputs = passes.map((pass) => held.hold({ ...passInputs(pass, tensors, env.moment) }));
  return env.parts.students.flatMap((student) =>
    passes.map((pass, index) => ({ student, pass, inputs: { ...networkInputs(student, tensors), ...inputs[index]! } })),
  );
}

function turnTo(machine: Machine, { student, pass }: Turn): string {
  const { env, features } = machine.step!;
  const { view, count, logits, features: taken } = pass;
  machine.pass = { env, student, features: features[student.id]!, items: [{ view, count, logits, features: taken }] };
  return `${student.id}|${student.model.byView === true ? view : ''}|${logits}|${features[student.id]}`;
}

/** Every pass forward. @returns `said/<student>/<pass>/...` and `buffer/<pass>/<student>/...`. */
function runForward(machine: Machine, turns: readonly Turn[], held: Held): NamedTensors<Tensor> {
  const results = turns.map((turn) => {
    const { outputs } = machine.forward.run(turnTo(machine, turn), turn.inputs);
    held.hold(outputs);
    return {
      ...prefixed(saidPrefix(turn.student.id, turn.pass.name), under(SAID, outputs)),
      ...prefixed(passBuffers(turn.pass.name, turn.student.id), under(BUFFER, outputs)),
    };
  });
  return Object.assign({}, ...results) as NamedTensors<Tensor>;
}

/** Every pass backward, one after the other. @returns sums of gradients by variable name. */
function runBackward(machine: Machine, turns: readonly Turn[], cotangents: NamedTensors<Tensor>, held: Held) {
  const sums: Record<string, NamedTensors<Tensor>> = {};
  for (const turn of turns) {
    const given = under(saidPrefix(turn.student.id, turn.pass.name), cotangents);
    if (Object.keys(given).length === 0) continue;
    const inputs = { ...turn.inputs, ...prefixed(COTANGENT, given) };
    const made = held.hold(machine.backward.run(turnTo(machine, turn), inputs).outputs);
    held.release(given);
    const sum = sums[turn.student.id];
    sums[turn.student.id] = sum === undefined ? made : addTo(machine, sum, made, held);
  }
  return Object.assign({}, ...Object.values(sums)) as NamedTensors<Tensor>;
}

function addTo(machine: Machine, sum: NamedTensors<Tensor>, more: NamedTensors<Tensor>, held: Held) {
  const { outputs } = machine.add.run('', { ...prefixed(SUM, sum), ...prefixed(MORE, more) });
  held.hold(outputs);
  held.release(sum);
  held.release(more);
  return outputs;
}

/** New values of a network's buffers: each pass began with the step's, and their mean is taken, crop by crop. */
function averageBuffers(passes: readonly Pass[], id: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const given = passes.map(({ name, count }) => ({ count, values: under(passBuffers(name, id), tensors) }));
  const names = new Set(given.flatMap(({ values }) => Object.keys(values)));
  const entries = [...names].map((name) => {
    const own = given.filter(({ values }) => name in values);
    const crops = own.reduce((total, { count }) => total + count, 0);
    const shares = own.map(({ values, count }) => mul(values[name]!, count / crops));
    return [studentVariable(id, name), shares.reduce((total, share) => add(total, share))] as const;
  });
  return Object.fromEntries(entries);
}

/** The graph after the passes: optimizer, buffers, teachers. */
function updateGraph(tensors: NamedTensors<Tensor>, { env, passes }: LossTask): NamedTensors<Tensor> {
  const averages = env.parts.students.map(({ id }) => averageBuffers(passes, id, tensors));
  const set = Object.assign({}, under(SET, tensors), ...averages) as NamedTensors<Tensor>;
  return apart(updateAll(under(GRADIENT, tensors), set, tensors, env), tensors);
}

/**
 * Makes what runs a step in passes, in place of the one graph of `createTrainGraph`, with the same inputs and outputs:
 *
 * 1. forward, each pass of each student; logits and the features that losses read are kept;
 * 2. the losses over all of them, with gradients with respect to what the students said;
 * 3. each pass once more, forward and backward from these gradients; the gradients of the weights are added up;
 * 4. optimizer and teachers' update, once.
 *
 * By the chain rule this is the gradient of the same loss, whatever it does with several views (Gao et al. 2021, arXiv
 * 2101.06983, §3.2). The teachers must have been asked before.
 */
export function createPasses(options: PassOptions): GraphCache<TraceNotes> {
  const machine = createMachine(options);
  return {
    run(kind, tensors) {
      const env = options.environment();
      const passes = planPasses(options.mode, env.parts.views, tensors);
      machine.step = { env, passes, features: askFeatures(machine, tensors) };
      const held = createHeld();
      try {
        return runStep(machine, kind, tensors, held);
      } finally {
        held.dispose();
      }
    },
  };
}

function runStep(machine: Machine, kind: string, tensors: NamedTensors<Tensor>, held: Held) {
  const { env, passes } = machine.step!;
  // Each graph keeps its working memory, and the peaks of all of them would add up.
  const takeTurns = () => machine.options.session.freeMemory?.();
  const turns = turnsOf(machine.step!, tensors, held);
  const forward = runForward(machine, turns, held);
  takeTurns();
  const said = named(forward, (name) => name.startsWith(SAID));
  const shape = [kind, ...passes.map(({ name, count }) => `${name}*${count}`)].join();
  const lossInputs = named(tensors, (name) => isLossInput(name, env));
  const { outputs: losses, notes } = machine.losses.run(shape, { ...lossInputs, ...said });
  held.hold(losses);
  held.release(said);
  takeTurns();
  const gradients = runBackward(machine, turns, under(COTANGENT, losses), held);
  takeTurns();
  const { outputs } = machine.update.run(shape, {
    ...named(tensors, isUpdateInput),
    ...named(forward, (name) => name.startsWith(BUFFER)),
    ...named(losses, (name) => name.startsWith(SET)),
    ...prefixed(GRADIENT, { ...under(GRADIENT, losses), ...gradients }),
  });
  held.handOver(losses[NUMBERS]!);
  return { outputs: { ...outputs, [NUMBERS]: losses[NUMBERS]! }, notes };
}

function isUpdateInput(name: string): boolean {
  return isNumber(name) || ownerOf(name) !== null;
}

function named(tensors: NamedTensors<Tensor>, wanted: (name: string) => boolean): NamedTensors<Tensor> {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => wanted(name)));
}
