import type { JsonObject, SlotState, StateArray } from '@dinomix/core';
import type { Tensor as StoredTensor } from '@dinomix/volume';

/** Weights and optimizer state by variable name. */
export type VariableValues = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Everything from which a run goes on, bit for bit. */
export interface CheckpointState {
  /** Id, seed and config hash of the run. */
  readonly run: { readonly id: string; readonly seed: number; readonly configHash: string };
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
  readonly format: 1;
  /** Name of the file with the tensors, in the same folder. */
  readonly tensors: string;
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

/** Splits a state into the two files of a checkpoint. @param file - name of the file with the tensors. */
export function encodeState(
  state: CheckpointState,
  file: string,
  best: string | null,
): { json: CheckpointJson; tensors: Map<string, StoredTensor> } {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape, data }] of state.variables) tensors.set(`variable/${name}`, { dtype: 'F32', shape, data });
  const { run, step, progress } = state;
  const slots = storeStates('slot', state.slots, tensors);
  const plugins = storeStates('plugin', state.plugins, tensors);
  return { json: { format: 1, tensors: file, run, step, progress, slots, plugins, best }, tensors };
}

/** The opposite of {@link encodeState}. */
export function decodeState(json: CheckpointJson, tensors: ReadonlyMap<string, StoredTensor>): CheckpointState {
  const variables = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, { shape, data }] of tensors) {
    if (name.startsWith('variable/'))
      variables.set(name.slice('variable/'.length), { shape, data: data as Float32Array });
  }
  const { run, step, progress } = json;
  const slots = restoreStates('slot', json.slots, tensors);
  return { run, step, progress, variables, slots, plugins: restoreStates('plugin', json.plugins, tensors) };
}
