import {
  type Bound,
  type HookCallers,
  type Reporter,
  type RunContext,
  type RunEvent,
  type RunInfo,
  reasonOf,
  type StepPosition,
} from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** An event without its time. */
export type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'time'> : never) : never;

/** Sends events to reporters, hooks and the caller of the run, in order. */
export interface EventStream {
  /** Opens the reporters. */
  open(): Promise<void>;
  emit(body: EventBody): Promise<void>;
  /** Closes the reporters, after the last event. */
  close(): Promise<void>;
  /** Where the run stands, for the context of `report.event`. */
  position: StepPosition | null;
}

/** What a stream is made of. */
export interface EventStreamOptions {
  readonly run: RunInfo;
  readonly reporters: readonly Bound<Reporter>[];
  readonly hooks: HookCallers<Tensor>;
  readonly onEvent: (event: RunEvent) => void;
}

/**
 * Makes a stream. A reporter that fails is left out from then on and a warning tells so: reporting must not end a run.
 */
export function createEventStream({ run, reporters, hooks, onEvent }: EventStreamOptions): EventStream {
  // None before they are opened: a run that is refused has no folder for them to write into.
  let active: Bound<Reporter>[] = [];
  const attempt = async (reporter: Bound<Reporter>, work: () => Promise<void> | void): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      active = active.filter((other) => other !== reporter);
      const message = `reporter:${reporter.id} failed and is left out from here on: ${reasonOf(thrown)}`;
      await stream.emit({ type: 'warning', message, plugin: reporter.plugin });
    }
  };
  const stream: EventStream = {
    position: null,
    async open() {
      active = [...reporters];
      for (const reporter of active) await attempt(reporter, () => reporter.value.open?.(run));
    },
    async emit(body) {
      const event = { time: new Date().toISOString(), ...body } as RunEvent;
      onEvent(event);
      for (const reporter of active) await attempt(reporter, () => reporter.value.event(event));
      const ctx: RunContext = { run, position: stream.position };
      if (hooks.reportEvent.isUsed()) await hooks.reportEvent.call(event, ctx);
    },
    async close() {
      for (const reporter of active) await attempt(reporter, () => reporter.value.close?.());
    },
  };
  return stream;
}
