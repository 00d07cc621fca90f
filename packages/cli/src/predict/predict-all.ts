import { dirname } from 'node:path';
import { type ImageReading, isDmxError } from '@dinomix/core';
import { makeFolder } from '@dinomix/volume';
import type { CommandContext, CommonOptions } from '../command.js';
import { failureToText } from '../failure.js';
import type { StatusLine } from '../terminal.js';
import { duration } from '../text.js';
import type { PredictionPair } from './files.js';
import type { NetworkFacts } from './network-facts.js';
import type { OpenedNetwork } from './open-network.js';
import type { Prediction } from './predict-file.js';
import type { ReadScan } from './scan.js';

/** An image that could not be predicted. */
export interface Failed {
  readonly input: string;
  readonly failure: unknown;
}

/** What several predictions have in common. */
export interface PredictionSettings {
  readonly inference: NetworkFacts['inference'];
  readonly reading: ImageReading;
  readonly series: string | null;
  readonly mark: string;
  readonly readScan: ReadScan;
}

/** Predicts file after file; one that fails does not keep the others from being written. */
export async function predictAll(
  context: CommandContext,
  opened: OpenedNetwork,
  pairs: readonly PredictionPair[],
  settings: PredictionSettings,
  options: CommonOptions,
  status: StatusLine,
): Promise<{ readonly done: readonly Prediction[]; readonly failed: readonly Failed[] }> {
  // Loads the tensor library, which other commands do not need.
  const { predictFile } = await import('./predict-file.js');
  const isText = options.json !== true;
  const done: Prediction[] = [];
  const failed: Failed[] = [];
  for (const [index, pair] of pairs.entries()) {
    const input = pair.input.path;
    const name = `${index + 1}/${pairs.length} ${input}`;
    status.draw(name);
    try {
      await makeFolder(dirname(pair.output));
      const onWindows = (count: number, total: number) => status.draw(`${name}  window ${count}/${total}`);
      const onNote = (note: string) => {
        if (isText) status.print(`note  ${pairs.length > 1 && !note.includes(input) ? `${input}: ` : ''}${note}`);
      };
      const prediction = await predictFile(opened, { ...settings, pair, signal: context.signal, onWindows, onNote });
      done.push(prediction);
      if (isText) status.print(`${pair.output}  ${duration(prediction.seconds)}`);
    } catch (failure) {
      context.signal.throwIfAborted();
      failed.push({ input, failure });
      // The failure of the only file is that of the command.
      if (isText && pairs.length > 1) status.print(failureToText(failure, options.verbose === true));
      // What the network itself does wrong, it does to every file.
      if (isDmxError(failure) && failure.code === 'DMX_NETWORK_OUTPUT') break;
    }
  }
  return { done, failed };
}
