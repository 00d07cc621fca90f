import { workerData } from 'node:worker_threads';
import { type ErrorContent, type Index3, isDmxError, type Normalisation, reasonOf } from '@dinomix/core';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type Describer, openDescriber, type Stop, type TokenGrid } from '../describe.js';
import type { Dinov3Options } from '../options.js';

/** What every thread is told at its start. */
export interface DescribeWorkerData {
  readonly options: Dinov3Options;
  readonly normalisation: Normalisation;
  readonly patch: Index3;
}

/** What a describer is, without its work. */
export type DescriberFacts = Pick<Describer, 'recipe' | 'channels' | 'provenance'>;

/** A volume whose tokens are wanted. */
export interface DescribeTask {
  readonly intensities: Float32Array;
  readonly shape: Index3;
  /** Recipe of the pool. */
  readonly recipe: string;
  /** In shared memory; 1 asks for an end. */
  readonly stop: Int32Array;
}

/** A failure as data: what is thrown across threads loses its class. An error with a code keeps what it says. */
export type DescribeAnswer<V> = { readonly value: V } | { readonly failure: ErrorContent | string };

let opened: Promise<Describer> | undefined;

function describer(): Promise<Describer> {
  const { options, normalisation, patch } = workerData as DescribeWorkerData;
  opened ??= openDescriber(options, normalisation, patch);
  return opened;
}

async function answer<V>(work: (own: Describer) => Promise<V> | V): Promise<DescribeAnswer<V>> {
  try {
    return { value: await work(await describer()) };
  } catch (thrown) {
    if (!isDmxError(thrown)) return { failure: reasonOf(thrown) };
    const { code, summary, why, fix, phase } = thrown;
    return { failure: { code, summary, why, fix, ...(phase === undefined ? {} : { phase }) } };
  }
}

/** Task of a thread. */
export function facts(): Promise<DescribeAnswer<DescriberFacts>> {
  return answer(({ recipe, channels, provenance }) => ({ recipe, channels, provenance }));
}

/** Task of a thread: cells of the grid over a volume of this shape. */
export function cells(shape: Index3): Promise<DescribeAnswer<Index3>> {
  return answer((own) => own.cells(shape));
}

function stopOf(stop: Int32Array): Stop {
  return {
    throwIfAborted: () => {
      if (Atomics.load(stop, 0) !== 0) throw new Error('interrupted');
    },
  };
}

/** Task of a thread. The memory of the tokens changes hands without a copy. */
export async function describe({ intensities, shape, recipe, stop }: DescribeTask): Promise<DescribeAnswer<TokenGrid>> {
  const answered = await answer((own) => {
    if (own.recipe !== recipe) {
      throw new Error(`dinov3: the file of ${own.provenance} was changed while the token cache was filled; try again`);
    }
    return own.describe(intensities, shape, stopOf(stop));
  });
  if ('failure' in answered) return answered;
  return move({
    [transferableSymbol]: [answered.value.values.buffer],
    [valueSymbol]: answered,
  } as never) as unknown as DescribeAnswer<TokenGrid>;
}
