import { Emitter } from '../lowering/emitter.js';
import { declareStop, runInPlace } from '../session/in-place.js';
import { createSession, type OrtSession, ort, type SessionOptions } from '../session/runtime.js';

/** The lane with the largest sum of each voxel, on all threads. */
export class LabelGraph {
  private readonly session: OrtSession;
  private readonly stop: string;
  private readonly result: string;

  constructor(lanes: number, options: SessionOptions) {
    const emitter = new Emitter();
    this.stop = declareStop(emitter);
    // A side of -1 is a free one.
    const sums = emitter.input('sums', [-1, lanes], 'float32');
    const largest = emitter.node('ArgMax', [sums], { axis: 1, keepdims: 0 }, [-1], 'int64');
    this.result = emitter.output(emitter.cast(largest, 'uint8'), 'labels');
    this.session = createSession(emitter.build(), options);
  }

  /** @param sums `[voxels, lanes]`; of equal sums the first counts */
  run(sums: Float32Array, lanes: number): Uint8Array {
    const { Tensor } = ort();
    const labels = new Uint8Array(sums.length / lanes);
    const feeds = { sums: new Tensor('float32', sums, [labels.length, lanes]) };
    runInPlace(this.session, feeds, this.stop, { [this.result]: new Tensor('uint8', labels, [labels.length]) });
    return labels;
  }

  dispose(): void {
    this.session.dispose();
  }
}
