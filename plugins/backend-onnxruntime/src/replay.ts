import { engine, keep, type Tensor, type TensorInfo, tidy, type Variable } from '@tensorflow/tfjs-core';
import type { DataEntry, OnnxRuntimeBackend } from './backend.js';
import { createLeaf, type HostBuffer, topologicalOrder, type Value } from './graph/ir.js';
import { type CompiledGraph, compileGraph, leavesOf, structuralKey } from './session/compile.js';
import { createOnnxRuntimeError } from './session/errors.js';
import { runGraph } from './session/execute.js';

type Named = Readonly<Record<string, Tensor>>;

/** Where a leaf of the recorded graph comes from when it is replayed. */
type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'constant'; readonly buffer: HostBuffer };

interface Plan {
  readonly structure: string;
  readonly graph: CompiledGraph;
  readonly sources: readonly Source[];
  readonly dtypes: readonly Pick<Value, 'dtype'>[];
  /** Layout in which each variable was read when the graph was compiled. */
  readonly layouts: ReadonlyMap<string, string>;
  readonly signature: string;
  readonly results: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: Value['dtype'];
  }[];
  readonly updates: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: Value['dtype'];
  }[];
}

export interface CompiledStep<I extends Named, O extends Named> {
  /** Runs the step: the first calls record it, later ones replay the recorded graph without running the function. */
  (inputs: I): O;
  /** Calls that replayed, and calls that ran the function. */
  readonly statistics: { readonly replayed: number; readonly traced: number };
  /** Gives the compiled graph back; a later call compiles it again. */
  dispose(): void;
}

/**
 * Records a training step once and replays it. `step` maps named input tensors to named result tensors and may assign
 * variables; inputs stay alive, results belong to the caller. Whatever changes from call to call must be an input: a number made into a tensor inside is part of the
 * recording. To catch such a number the function is run again at calls 2, 4, 8, ... and compared.
 *
 * @throws `DMX_ENGINE_REPLAY` when the function recorded something else than before.
 */
export function compileStep<I extends Named, O extends Named>(
  backend: OnnxRuntimeBackend,
  step: (inputs: I) => O,
): CompiledStep<I, O> {
  const state = { replayed: 0, traced: 0 };
  let plan: Plan | undefined;
  let calls = 0;
  const run = (inputs: I): O => {
    backend.flush();
    const check = (++calls & (calls - 1)) === 0;
    if (plan && !check && fits(plan, backend, inputs)) {
      state.replayed++;
      return replay(plan, backend, inputs) as O;
    }
    const previous = plan && fits(plan, backend, inputs) ? plan : undefined;
    // Weights change their layout after the first step: the graph of the old layouts will not be needed again.
    if (!previous) dispose();
    const traced = trace(backend, inputs, step, state.traced === 0);
    state.traced++;
    plan = traced.plan;
    if (!previous) return traced.results as O;
    // The check holds the graph a second time.
    backend.cache.release(previous.structure);
    assertSame(previous, plan);
    return traced.results as O;
  };
  const dispose = (): void => {
    if (plan) backend.cache.release(plan.structure);
    plan = undefined;
  };
  return Object.assign(run, { statistics: state, dispose });
}

function signatureOf(backend: OnnxRuntimeBackend, inputs: Named): string {
  return Object.keys(inputs)
    .sort()
    .map(
      (name) => `${name}:${inputs[name]!.dtype}[${inputs[name]!.shape}]@${backend.value(inputs[name]!).buffer!.layout}`,
    )
    .join(';');
}

function variables(): Record<string, Variable> {
  return engine().state.registeredVariables as Record<string, Variable>;
}

function fits(plan: Plan, backend: OnnxRuntimeBackend, inputs: Named): boolean {
  if (signatureOf(backend, inputs) !== plan.signature) return false;
  const known = variables();
  for (const [name, layout] of plan.layouts) {
    const variable = known[name];
    if (!variable || backend.value(variable).buffer?.layout !== layout) return false;
  }
  return true;
}

function trace<O extends Named>(
  backend: OnnxRuntimeBackend,
  inputs: Named,
  step: (inputs: never) => O,
  first: boolean,
) {
  const before = new Map(Object.entries(variables()).map(([name, variable]) => [name, backend.value(variable)]));
  const wasRecording = backend.recordOrigins;
  backend.recordOrigins = wasRecording || first;
  let results: O;
  try {
    results = tidy(() => {
      const made = step(inputs as never);
      for (const tensor of Object.values(made)) keep(tensor);
      return made;
    });
  } finally {
    backend.recordOrigins = wasRecording;
  }
  const names = Object.keys(results);
  const changed = Object.keys(variables()).filter((name) => backend.value(variables()[name]!) !== before.get(name));
  const outputs = [
    ...names.map((name) => backend.value(results[name]!)),
    ...changed.map((name) => backend.value(variables()[name]!)),
  ];
  if (first) reportStrays(backend, new Set(outputs));
  const plan = compilePlan(backend, inputs, before, names, changed, outputs);
  const buffers = runGraph(
    plan.graph,
    plan.sources.map((source) => bufferOf(source, backend, inputs, before)),
    plan.dtypes,
  );
  [...new Set(outputs)].forEach((value, position) => {
    backend.settle(value, buffers[position]!);
  });
  backend.flush();
  backend.dropSpares();
  return { plan, results };
}

function compilePlan(
  backend: OnnxRuntimeBackend,
  inputs: Named,
  before: ReadonlyMap<string, Value>,
  names: readonly string[],
  changed: readonly string[],
  outputs: readonly Value[],
): Plan {
  const distinct = [...new Set(outputs)];
  if (distinct.length !== outputs.length || distinct.some((value) => value.buffer !== undefined)) {
    throw createOnnxRuntimeError(
      'DMX_ENGINE_REPLAY',
      'a compiled step returned or assigned a tensor that it did not compute, or the same one twice',
      'Return only fresh tensors; leave out results that equal an input, a variable or one another.',
    );
  }
  const order = topologicalOrder(distinct);
  const leaves = leavesOf(order, distinct);
  const structure = structuralKey(order, leaves, distinct);
  const graph = backend.cache.hold(structure, () => compileGraph(order, leaves, distinct, backend.settings));
  const inputOf = new Map(Object.entries(inputs).map(([name, tensor]) => [backend.value(tensor), name]));
  const variableOf = new Map([...before].map(([name, value]) => [value, name]));
  const sources = leaves.map((leaf): Source => {
    const input = inputOf.get(leaf);
    if (input !== undefined) return { kind: 'input', name: input };
    const variable = variableOf.get(leaf);
    if (variable !== undefined) return { kind: 'variable', name: variable };
    // The recording keeps these bytes for good, whatever becomes of the tensor.
    leaf.buffer!.seen = true;
    return { kind: 'constant', buffer: leaf.buffer! };
  });
  const layouts = new Map<string, string>();
  sources.forEach((source, position) => {
    if (source.kind === 'variable') layouts.set(source.name, leaves[position]!.buffer!.layout);
  });
  const describe = (name: string, value: Value) => ({ name, shape: value.shape, dtype: value.dtype });
  return {
    structure,
    graph,
    sources,
    dtypes: leaves,
    layouts,
    signature: signatureOf(backend, inputs),
    results: names.map((name, index) => describe(name, outputs[index]!)),
    updates: changed.map((name, index) => describe(name, outputs[names.length + index]!)),
  };
}

function bufferOf(
  source: Source,
  backend: OnnxRuntimeBackend,
  inputs: Named,
  before?: ReadonlyMap<string, Value>,
): HostBuffer {
  if (source.kind === 'constant') return source.buffer;
  if (source.kind === 'input') return backend.value(inputs[source.name]!).buffer!;
  return (before?.get(source.name) ?? backend.value(variables()[source.name]!)).buffer!;
}

function replay(plan: Plan, backend: OnnxRuntimeBackend, inputs: Named): Named {
  const known = variables();
  const feeds = plan.sources.map((source) => bufferOf(source, backend, inputs));
  const outputs = [...plan.results, ...plan.updates];
  const reuse = outputs.map(({ dtype }, position) => backend.takeSpare(dtype, plan.graph.outputShapes[position]!));
  const buffers = runGraph(plan.graph, feeds, plan.dtypes, reuse);
  const made: Record<string, Tensor> = {};
  plan.results.forEach(({ name, shape, dtype }, position) => {
    made[name] = wrap(backend.tensor(createLeaf(shape, dtype, buffers[position]!)));
  });
  plan.updates.forEach(({ name, shape, dtype }, position) => {
    store(backend, known[name]!, createLeaf(shape, dtype, buffers[plan.results.length + position]!));
  });
  return made;
}

function wrap(info: TensorInfo): Tensor {
  return engine().makeTensorFromTensorInfo(info);
}

/** Gives a variable its new bytes and recycles the old ones when nothing else refers to them. */
function store(backend: OnnxRuntimeBackend, variable: Variable, leaf: Value): void {
  const entry = backend.data.get(variable.dataId) as DataEntry;
  if (entry.refCount > 1) {
    const tensor = wrap(backend.tensor(leaf));
    variable.assign(tensor);
    tensor.dispose();
    return;
  }
  const old = entry.value?.buffer;
  entry.value = leaf;
  if (old) backend.recycle(old);
}

function assertSame(before: Plan, now: Plan): void {
  const fix =
    'Pass whatever changes from step to step as an input tensor of the compiled step, not as a JavaScript number.';
  if (before.structure !== now.structure) {
    throw createOnnxRuntimeError('DMX_ENGINE_REPLAY', 'the compiled step recorded other operations than before', fix);
  }
  now.sources.forEach((source, position) => {
    const old = before.sources[position]!;
    if (source.kind !== 'constant' || old.kind !== 'constant' || source.buffer === old.buffer) return;
    const changed = source.buffer.data.findIndex((item, index) => !Object.is(item, old.buffer.data[index]));
    if (changed < 0) return;
    throw createOnnxRuntimeError(
      'DMX_ENGINE_REPLAY',
      `a constant of shape [${source.buffer.dims}] inside the compiled step changed from ${old.buffer.data[changed]} to ${source.buffer.data[changed]}`,
      fix,
    );
  });
}

/** Tensors that the step left behind would be computed and kept in every step. */
function reportStrays(backend: OnnxRuntimeBackend, wanted: ReadonlySet<Value>): void {
  const strays = backend
    .pendingEntries()
    .filter(({ value }) => value && value.buffer === undefined && !wanted.has(value));
  if (strays.length === 0) return;
  const where = strays
    .slice(0, 3)
    .map(({ value, origin }) => `  ${value!.dtype}[${value!.shape}] made ${userLine(origin)}`);
  console.warn(
    `${strays.length} tensors outlive the compiled step without being returned; wrap it in tf.tidy or dispose of them:\n${where.join('\n')}`,
  );
}

const ownFiles = new URL('.', import.meta.url).pathname;

/** The first line of a stack that is neither TensorFlow.js's nor this package's. */
function userLine(origin: Error | undefined): string {
  const lines = origin?.stack?.split('\n') ?? [];
  const line = lines.find(
    (text) =>
      /^\s+at /.test(text) && !text.includes('@tensorflow') && (!text.includes(ownFiles) || text.includes('.test.')),
  );
  return line?.trim() ?? 'at an unknown line';
}
