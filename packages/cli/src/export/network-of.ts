import { join } from 'node:path';

/** Name of the network in a run folder. */
const NAME = 'network.onnx';

/** Where the network of a run is. */
export function networkOf(directory: string): string {
  return join(directory, NAME);
}
