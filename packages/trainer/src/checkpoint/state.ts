import type { JsonObject, SlotState, StateArray } from '@dinomix/core';
import type { Tensor as StoredTensor } from '@dinomix/volume';

/** Weights and optimizer state by variable name. */
export type VariableValues = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Everything from which a run goes on, bit for bit. */
export interface CheckpointState {
  readonly run: {
    readonly id: string;
    readonly seed: number;
    readonly configHash: string;
    /** Digest of the data that it was trained on: `DataFingerprint.digest`. */
    readonly dataDigest: string;
  };
  /** The step that comes next. */
  readonly step: number;
  /** What the loop remembers. */
  readonly progress: JsonObject;
  readonly variables: VariableValues;
  /** State of stateful parts by `<slot>:<id>`. */
  readonly slots: Readonly<Record<string, SlotState>>;
  /** What plugins wrote in `checkpoint.save`, by plugin id. */
  readonly plugins: Readonly<Record<string, SlotState>>;
}

/** The JSON half of a checkpoint. */
export interface CheckpointJson {
  readonly format: 2;
  /** The file with the tensors, in the same folder, and its digest. */
  readonly tensors: { readonly file: string; readonly sha256: string };
  readonly run: CheckpointState['run'];
  readonly step: number;
  readonly progress: JsonObject;
  readonly slots: Readonly<Record<string, JsonObject>>;
  readonly plugins: Readonly<Record<string, JsonObject>>;
  /** Name of the checkpoint that was the best when this one was written, itself included; null where none was. */
  readonly best: string | null;
}

const DTYPES = [
  ['F32', Float32Array],
  ['F64', Float64Array],
  ['I32', Int32Array],
  ['U32', Uint32Array],
  ['U8', Uint8Array],
] as const;

function toStored({ shape, data }: StateArray): StoredTensor {
  const [dtype] = DTYPES.find(([, type]) => data instanceof type)!;
  return { dtype, shape, data } as StoredTensor;
}

function toStateArray(stored: StoredTensor): StateArray {
  return { shape: stored.shape, data: stored.data as StateArray['data'] };
}

function storeStates(
  kind: 'slot' | 'plugin',
  states: Readonly<Record<string, SlotState>>,
  tensors: Map<string, StoredTensor>,
): Record<string, JsonObject> {
  for (const [owner, { arrays }] of Object.entries(states)) {
    for (const [name, array] of Object.entries(arrays)) tensors.set(`${kind}/${owner}/${name}`, toStored(array));
  }
  return Object.fromEntries(Object.entries(states).map(([owner, { json }]) => [owner, json]));
}

function restoreStates(
  kind: 'slot' | 'plugin',
  json: Readonly<Record<string, JsonObject>>,
  tensors: ReadonlyMap<string, StoredTensor>,
): Record<string, SlotState> {
  const restored = Object.entries(json).map(([owner, own]): [string, SlotState] => {
    const prefix = `${kind}/${owner}/`;
    const arrays = [...tensors].filter(([name]) => name.startsWith(prefix));
    const entries = arrays.map(([name, stored]) => [name.slice(prefix.length), toStateArray(stored)] as const);
    return [owner, { json: own, arrays: Object.fromEntries(entries) }];
  });
  return Object.fromEntries(restored);
}

/** Splits a state into the two halves of a checkpoint; what the JSON says of the file with the tensors is not known yet. */
export function encodeState(
  state: CheckpointState,
  best: string | null,
): { json: Omit<CheckpointJson, 'tensors'>; tensors: Map<string, StoredTensor> } {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape, data }] of state.variables) tensors.set(`variable/${name}`, { dtype: 'F32', shape, data });
  const { run, step, progress } = state;
  const slots = storeStates('slot', state.slots, tensors);
  const plugins = storeStates('plugin', state.plugins, tensors);
  return { json: { format: 2, run, step, progress, slots, plugins, best }, tensors };
}

/** @throws Error where a variable is no float32 or not finite: a run that went on from it would learn nothing. */
function variableOf(name: string, { dtype, shape, data }: StoredTensor) {
  if (dtype !== 'F32') throw new Error(`"${name}" is ${dtype}; weights are F32`);
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new Error(`"${name}" has the value ${data[wrong]} at ${wrong}`);
  return { shape, data };
}

/** The opposite of {@link encodeState}. @throws Error where the tensors are no state of a run. */
export function decodeState(json: CheckpointJson, tensors: ReadonlyMap<string, StoredTensor>): CheckpointState {
  const variables = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, stored] of tensors) {
    if (name.startsWith('variable/')) variables.set(name.slice('variable/'.length), variableOf(name, stored));
  }
  const { run, step, progress } = json;
  const slots = restoreStates('slot', json.slots, tensors);
  return { run, step, progress, variables, slots, plugins: restoreStates('plugin', json.plugins, tensors) };
}
