import type { NamedTensors } from '@dinomix/core';
import { add, mul, type Tensor } from '@tensorflow/tfjs-core';
import type { RunningBackend } from '../../types.js';
import type { StepEnvironment } from '../environment.js';
import { createGraphCache, type GraphCache } from '../graph-cache.js';
import { prefixed, type StudentPart, under } from '../parts.js';
import { updateAll } from '../updates.js';
import { bufferName, type TraceNotes } from '../views-in-tape.js';
import { type FeaturesInUse, featuresInUse } from './features-in-use.js';
import { createHeld, type Held } from './held.js';
import { createLossGraph, isLossInput, type LossTask, saidName } from './loss-graph.js';
import {
  addGradients,
  apart,
  createBackwardGraph,
  createForwardGraph,
  networkInputs,
  type PassTask,
} from './network-graphs.js';
import { type Pass, type PassMode, passInputs, planPasses } from './plan-passes.js';

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

function turnTo(machine: Machine, { student }: Turn): string {
  const { env, features } = machine.step!;
  machine.pass = { env, student, features: features[student.id]! };
  return `${student.id}|${features[student.id]}`;
}

/** Every pass forward. @returns `said/<student>/<pass>/...` and `buffer/<pass>/<student>/...`. */
function runForward(machine: Machine, turns: readonly Turn[], held: Held): NamedTensors<Tensor> {
  const results = turns.map((turn) => {
    const { outputs } = machine.forward.run(turnTo(machine, turn), turn.inputs);
    held.hold(outputs);
    return {
      ...prefixed(saidName(turn.student.id, turn.pass), under('said/', outputs)),
      ...prefixed(`buffer/${turn.pass.name}/${turn.student.id}/`, under('buffer/', outputs)),
    };
  });
  return Object.assign({}, ...results) as NamedTensors<Tensor>;
}

/** Every pass backward, one after the other. @returns sums of gradients by variable name. */
function runBackward(machine: Machine, turns: readonly Turn[], cotangents: NamedTensors<Tensor>, held: Held) {
  const sums: Record<string, NamedTensors<Tensor>> = {};
  for (const turn of turns) {
    const given = under(saidName(turn.student.id, turn.pass), cotangents);
    if (Object.keys(given).length === 0) continue;
    const inputs = { ...turn.inputs, ...prefixed('cotangent/', given) };
    const made = held.hold(machine.backward.run(turnTo(machine, turn), inputs).outputs);
    held.release(given);
    const sum = sums[turn.student.id];
    sums[turn.student.id] = sum === undefined ? made : addTo(machine, sum, made, held);
  }
  return Object.assign({}, ...Object.values(sums)) as NamedTensors<Tensor>;
}

function addTo(machine: Machine, sum: NamedTensors<Tensor>, more: NamedTensors<Tensor>, held: Held) {
  const { outputs } = machine.add.run('', { ...prefixed('sum/', sum), ...prefixed('more/', more) });
  held.hold(outputs);
  held.release(sum);
  held.release(more);
  return outputs;
}

/** New values of a network's buffers: each pass began with the step's, and their mean is taken, crop by crop. */
function averageBuffers(passes: readonly Pass[], id: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const given = passes.map(({ name, count }) => ({ count, values: under(`buffer/${name}/${id}/`, tensors) }));
  const names = new Set(given.flatMap(({ values }) => Object.keys(values)));
  const entries = [...names].map((name) => {
    const own = given.filter(({ values }) => name in values);
    const crops = own.reduce((total, { count }) => total + count, 0);
    const shares = own.map(({ values, count }) => mul(values[name]!, count / crops));
    return [bufferName(id, name), shares.reduce((total, share) => add(total, share))] as const;
  });
  return Object.fromEntries(entries);
}

/** The graph after the passes: optimizer, buffers, teachers. */
function updateGraph(tensors: NamedTensors<Tensor>, { env, passes }: LossTask): NamedTensors<Tensor> {
  const averages = env.parts.students.map(({ id }) => averageBuffers(passes, id, tensors));
  const ofLosses = prefixed('buffer/', under('buffer-of-loss/', tensors));
  const buffers = Object.assign({}, ofLosses, ...averages) as NamedTensors<Tensor>;
  return apart(updateAll(under('gradient/', tensors), buffers, tensors, env), tensors);
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
  const said = named(forward, (name) => name.startsWith('said/'));
  const shape = [kind, ...passes.map(({ name, count }) => `${name}*${count}`)].join();
  const lossInputs = named(tensors, (name) => isLossInput(name, env));
  const { outputs: losses, notes } = machine.losses.run(shape, { ...lossInputs, ...said });
  held.hold(losses);
  held.release(said);
  takeTurns();
  const gradients = runBackward(machine, turns, under('cotangent/', losses), held);
  takeTurns();
  const { outputs } = machine.update.run(shape, {
    ...named(tensors, isUpdateInput),
    ...named(forward, (name) => name.startsWith('buffer/')),
    ...prefixed('buffer-of-loss/', under('buffer/', losses)),
    ...prefixed('gradient/', { ...under('gradient/', losses), ...gradients }),
  });
  held.handOver(losses.numbers!);
  return { outputs: { ...outputs, numbers: losses.numbers! }, notes };
}

const UPDATED = ['student/', 'optimizer/', 'teacher/', 'number/'];

function isUpdateInput(name: string): boolean {
  return name === 'key' || UPDATED.some((prefix) => name.startsWith(prefix));
}

function named(tensors: NamedTensors<Tensor>, wanted: (name: string) => boolean): NamedTensors<Tensor> {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => wanted(name)));
}
