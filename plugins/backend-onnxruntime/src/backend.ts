import {
  type BackendTimingInfo,
  type BackendValues,
  DataStorage,
  type DataType,
  engine,
  KernelBackend,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { recordElementwise } from './graph/broadcast.js';
import {
  type Attributes,
  createLeaf,
  createNode,
  type GraphDType,
  type HostArray,
  type HostBuffer,
  type OutputSpec,
  sizeOf,
  type Value,
} from './graph/ir.js';
import { parseLayout, relayoutHost } from './lowering/layout.js';
import type { BackendSettings } from './session/backend-settings.js';
import { type CacheStatistics, SessionCache } from './session/cache.js';
import { identityKey } from './session/compile.js';
import { executeGraph } from './session/execute.js';

/** What one TensorFlow.js data id stands for: a graph value, or host data that never enters the graph. */
export interface DataEntry {
  value?: Value;
  readonly strings?: BackendValues;
  readonly complex?: { readonly real: TensorInfo; readonly imag: TensorInfo };
  readonly dtype: DataType;
  refCount: number;
  readonly origin: Error | undefined;
}

const CONSTANT_SCAN_SIZE = 4096;

const ORIGIN_FRAMES = 40;

/** Smaller buffers cost less to allocate than to keep. */
const RECYCLED_BYTES = 4096;

function recyclingKey(data: HostArray, dims: readonly number[]): string {
  const dtype = data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'bool';
  return `${dtype}:${dims.join()}`;
}

/**
 * Records every kernel into a graph and runs the graph as one ONNX Runtime session when a value is read.
 * A training step that reads one loss is one session run.
 */
export class OnnxRuntimeBackend extends KernelBackend {
  readonly settings: BackendSettings;
  readonly data: DataStorage<DataEntry>;
  readonly cache: SessionCache;
  /** Kernels that ran on the CPU backend instead, and how often. */
  readonly fallbacks = new Map<string, number>();
  /** Keeps the stack of every recorded operation, for error messages. Costs about 10 microseconds each. */
  recordOrigins = false;
  private readonly spares = new Map<string, HostBuffer[]>();
  private readonly pending = new Set<DataEntry>();
  private recorded = 0;

  constructor(settings: BackendSettings) {
    super();
    this.settings = settings;
    this.data = new DataStorage(this, engine());
    this.cache = new SessionCache(settings.cachedGraphs);
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(dataId: object, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    const origin = this.origin();
    if (dtype === 'string' || dtype === 'complex64') {
      this.data.set(dataId, { strings: values, dtype, refCount, origin });
      return;
    }
    const value = leafFromHost(values, shape, dtype);
    const entry: DataEntry = { value, dtype, refCount, origin };
    this.data.set(dataId, entry);
    if (value.buffer === undefined) this.pending.add(entry);
  }

  override readSync(dataId: object): BackendValues {
    const entry = this.data.get(dataId);
    if (entry.complex) return this.readComplex(entry.complex);
    if (entry.strings !== undefined) return entry.strings;
    const value = entry.value!;
    if (value.buffer === undefined) this.flush();
    const buffer = value.buffer!;
    const { data, layout } = buffer;
    buffer.seen = true;
    return relayoutHost(data, parseLayout(layout), parseLayout(identityKey(value.shape.length)), value.shape);
  }

  override async read(dataId: object): Promise<BackendValues> {
    return this.readSync(dataId);
  }

  private readComplex({ real, imag }: NonNullable<DataEntry['complex']>): Float32Array {
    const reals = this.readSync(real.dataId) as Float32Array;
    const imags = this.readSync(imag.dataId) as Float32Array;
    const merged = new Float32Array(reals.length * 2);
    reals.forEach((item, index) => {
      merged[2 * index] = item;
      merged[2 * index + 1] = imags[index]!;
    });
    return merged;
  }

  override refCount(dataId: object): number {
    return this.data.has(dataId) ? this.data.get(dataId).refCount : 0;
  }

  override incRef(dataId: object): void {
    this.data.get(dataId).refCount++;
  }

  decRef(dataId: object): void {
    if (this.data.has(dataId)) this.data.get(dataId).refCount--;
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.data.has(dataId)) return true;
    const entry = this.data.get(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    if (entry.complex) {
      this.disposeData(entry.complex.real.dataId, true);
      this.disposeData(entry.complex.imag.dataId, true);
    }
    this.pending.delete(entry);
    this.data.delete(dataId);
    if (entry.value?.buffer) this.recycle(entry.value.buffer);
    return true;
  }

  /** Keeps the bytes of a released tensor for the outputs of the next replay, unless somebody else may hold them. */
  recycle(buffer: HostBuffer): void {
    if (!buffer.owned || buffer.seen || buffer.data.byteLength < RECYCLED_BYTES) return;
    const key = recyclingKey(buffer.data, buffer.dims);
    const spares = this.spares.get(key);
    if (spares) spares.push(buffer);
    else this.spares.set(key, [buffer]);
  }

  /** A released buffer of this type and these dimensions. Only safe while nothing is pending. */
  takeSpare(dtype: GraphDType, dims: readonly number[]): HostBuffer | undefined {
    return this.spares.get(`${dtype}:${dims.join()}`)?.pop();
  }

  /** Lets go of all kept bytes: a run that took none of them would leave one more set behind each time. */
  dropSpares(): void {
    this.spares.clear();
  }

  /** Gives back the memory that compiled graphs and released tensors keep for the next run. */
  freeMemory(): void {
    this.cache.suspend();
    this.dropSpares();
  }

  override numDataIds(): number {
    return this.data.numDataIds();
  }

  override memory(): { unreliable: boolean; reasons: string[] } {
    return {
      unreliable: true,
      reasons: ['Tensors that are not read hold no memory; the native arena is not counted.'],
    };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(run: () => void): Promise<BackendTimingInfo> {
    const start = performance.now();
    run();
    this.flush();
    return { kernelMs: performance.now() - start };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.pending.clear();
    this.spares.clear();
    this.cache.clear();
  }

  cacheStatistics(): CacheStatistics {
    return this.cache.statistics();
  }

  /** Entries that a flush would compute. */
  pendingEntries(): readonly DataEntry[] {
    return [...this.pending];
  }

  /** The graph value of a tensor. */
  value(info: TensorInfo): Value {
    const { value } = this.data.get(info.dataId);
    if (!value) throw new Error(`a ${info.dtype} tensor cannot enter the graph`);
    return value;
  }

  /** Records an operation; each output becomes a tensor. */
  record(
    op: string,
    inputs: readonly TensorInfo[],
    attributes: Attributes,
    outputs: readonly OutputSpec[],
  ): TensorInfo[] {
    const node = createNode(
      op,
      inputs.map((input) => this.value(input)),
      attributes,
      outputs,
      this.origin(),
    );
    return node.outputs.map((value) => this.tensor(value));
  }

  recordOne(
    op: string,
    inputs: readonly TensorInfo[],
    attributes: Attributes,
    shape: readonly number[],
    dtype: GraphDType,
  ): TensorInfo {
    return this.record(op, inputs, attributes, [{ shape, dtype }])[0]!;
  }

  /** Records an elementwise operation through broadcast propagation. */
  recordElementwise(
    op: string,
    inputs: readonly TensorInfo[],
    attributes: Attributes,
    shape: readonly number[],
    dtype: GraphDType,
  ): TensorInfo {
    const values = inputs.map((input) => this.value(input));
    return this.tensor(recordElementwise(op, values, attributes, shape, dtype, this.origin()));
  }

  /** Records an operation on graph values; an intermediate of a composed kernel needs no tensor of its own. */
  compose(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    shape: readonly number[],
    dtype: GraphDType,
  ): Value {
    return createNode(op, inputs, attributes, [{ shape, dtype }], this.origin()).outputs[0]!;
  }

  /** As `compose`, through broadcast propagation. */
  composeElementwise(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    shape: readonly number[],
    dtype: GraphDType,
  ): Value {
    return recordElementwise(op, inputs, attributes, shape, dtype, this.origin());
  }

  /** Wraps a graph value as a tensor with a reference count of one. */
  tensor(value: Value): TensorInfo {
    const entry: DataEntry = { value, dtype: value.dtype, refCount: 1, origin: this.origin() };
    const dataId = {};
    this.data.set(dataId, entry);
    if (value.buffer === undefined) {
      this.pending.add(entry);
      if (++this.recorded > this.settings.pendingLimit) this.flush();
    }
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  /** A tensor of host data. */
  makeTensorInfo(shape: readonly number[], dtype: DataType, values: BackendValues): TensorInfo {
    return { dataId: this.write(values, [...shape], dtype), shape: [...shape], dtype };
  }

  /** A complex tensor on the values of two real ones; it owns two tensors of its own, which go with it. */
  makeComplex(real: TensorInfo, imag: TensorInfo): TensorInfo {
    const dataId = {};
    const complex = { real: this.tensor(this.value(real)), imag: this.tensor(this.value(imag)) };
    this.data.set(dataId, { complex, dtype: 'complex64', refCount: 1, origin: this.origin() });
    return { dataId, shape: [...real.shape], dtype: 'complex64' };
  }

  /** Gives a recorded value its bytes and forgets how it was computed. */
  settle(value: Value, buffer: HostBuffer): void {
    value.buffer = buffer;
    value.node = undefined;
  }

  /** Computes every live value that is not yet computed, in one run. */
  flush(): void {
    const values = new Set<Value>();
    for (const { value } of this.pending) if (value && value.buffer === undefined) values.add(value);
    this.pending.clear();
    this.recorded = 0;
    if (values.size === 0) return;
    executeGraph([...values], this.settings, this.cache);
  }

  private origin(): Error | undefined {
    if (!this.recordOrigins) return undefined;
    // TensorFlow.js puts a dozen frames of its own between an operation and the line that called it.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = ORIGIN_FRAMES;
    const origin = new Error('recorded here');
    Error.stackTraceLimit = limit;
    return origin;
  }
}

/** Large arrays of one repeated value (ones, zeros) become a broadcast scalar instead of a large input. */
function leafFromHost(values: BackendValues, shape: readonly number[], dtype: GraphDType): Value {
  const data = toHostArray(values, dtype);
  if (data.length > CONSTANT_SCAN_SIZE && isConstant(data)) {
    const scalar = createLeaf([], dtype, { data: data.slice(0, 1), layout: identityKey(0), dims: [] });
    return createNode('Broadcast', [scalar], {}, [{ shape, dtype }]).outputs[0]!;
  }
  if (data.length !== sizeOf(shape)) throw new Error(`${data.length} values do not fill the shape [${shape}]`);
  return createLeaf(shape, dtype, { data, layout: identityKey(shape.length), dims: shape });
}

function toHostArray(values: BackendValues, dtype: GraphDType): HostArray {
  if (dtype === 'float32')
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values as ArrayLike<number>);
  return values instanceof Uint8Array && !(values instanceof Uint8ClampedArray)
    ? values
    : Uint8Array.from(values as ArrayLike<number>);
}

function isConstant(data: HostArray): boolean {
  const [first] = data;
  for (const item of data) if (item !== first) return false;
  return true;
}
