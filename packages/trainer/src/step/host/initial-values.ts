import type { Initializer, ParameterSpec } from '@dinomix/core';
import { createRng, type RngKey } from '@dinomix/volume';

function fill(values: Float32Array, initializer: Initializer, key: RngKey): void {
  switch (initializer.kind) {
    case 'constant':
      values.fill(initializer.value);
      break;
    case 'values': {
      const { length } = initializer.values;
      if (length !== values.length) throw new Error(`${length} first values for ${values.length} elements`);
      values.set(initializer.values);
      break;
    }
    case 'kaiming-normal': {
      const variance = 2 / ((1 + initializer.slope ** 2) * initializer.fanIn);
      createRng(key).fillNormal(values, 0, Math.sqrt(variance));
      break;
    }
    case 'xavier-normal':
      createRng(key).fillNormal(values, 0, Math.sqrt(2 / (initializer.fanIn + initializer.fanOut)));
      break;
    case 'uniform':
      createRng(key).fillUniform(values, -initializer.bound, initializer.bound);
      break;
  }
}

/**
 * Values of a new parameter. They depend on seed, owner and name alone, not on the backend or on other parameters.
 * @param owner - `student:vnet` and the like.
 */
export function initialValues({ name, shape, initializer }: ParameterSpec, owner: string, seed: number): Float32Array {
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  fill(values, initializer, { seed, stream: `${owner}/init/${name}` });
  return values;
}
