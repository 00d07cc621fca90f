import type { NamedTensors } from '@dinomix/core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../../errors.js';

/** The tensors that live through the whole run: weights, optimizer state, teachers. Keyed by `<owner>/<name>`. */
export interface Variables {
  readonly tensors: NamedTensors<Tensor>;
  /** Adds a variable with host values. */
  create(name: string, shape: readonly number[], values: Float32Array): void;
  /** Replaces variables; the old tensors are disposed. */
  assign(values: NamedTensors<Tensor>): void;
  /** Host copies by name, in the order of creation. */
  read(): Promise<ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  /** Overwrites every variable. @throws DMX_CHECKPOINT_CONTENT when names or shapes differ. */
  write(
    source: string,
    values: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  ): void;
  dispose(): void;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, axis) => side === b[axis]);
}

/** Makes an empty set. */
export function createVariables(): Variables {
  const tensors: Record<string, Tensor> = {};
  const replace = (name: string, value: Tensor): void => {
    tensors[name]!.dispose();
    tensors[name] = value;
  };
  return {
    tensors,
    create(name, shape, values) {
      if (name in tensors) throw trainerError('DMX_PARAMETER_TWICE', { name });
      tensors[name] = tensor(values, [...shape], 'float32');
    },
    assign(values) {
      for (const [name, value] of Object.entries(values)) {
        const old = tensors[name];
        if (old === undefined) throw trainerError('DMX_PARAMETER_UNKNOWN', { name });
        if (!sameShape(old.shape, value.shape)) {
          throw trainerError('DMX_PARAMETER_SHAPE', { name, expected: old.shape, found: value.shape });
        }
        replace(name, value);
      }
    },
    async read() {
      const entries: [string, { shape: readonly number[]; data: Float32Array }][] = [];
      for (const [name, value] of Object.entries(tensors)) {
        entries.push([name, { shape: value.shape, data: await value.data<'float32'>() }]);
      }
      return new Map(entries);
    },
    write(source, values) {
      const missing = Object.keys(tensors).filter((name) => !values.has(name));
      const unknown = [...values.keys()].filter((name) => !(name in tensors));
      if (missing.length + unknown.length > 0) {
        throw trainerError('DMX_CHECKPOINT_CONTENT', { file: source, missing, unknown });
      }
      for (const [name, { shape, data }] of values) {
        const expected = tensors[name]!.shape;
        if (!sameShape(expected, shape)) {
          throw trainerError('DMX_PARAMETER_SHAPE', { name: `${source}: ${name}`, expected, found: shape });
        }
        replace(name, tensor(data, [...shape], 'float32'));
      }
    },
    dispose() {
      for (const [name, value] of Object.entries(tensors)) {
        value.dispose();
        delete tensors[name];
      }
    },
  };
}
