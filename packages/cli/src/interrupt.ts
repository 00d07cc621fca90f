/** Ctrl-C as a signal. */
export interface Interrupt {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  release(): void;
}

/** npm and npx pass Ctrl-C on to a command that the terminal has told already: within this time it is one key press. */
const ONE_PRESS_MILLISECONDS = 300;

/**
 * Ends this process by the signal itself, which a shell reports as 130. `process.exit` would wait for the thread of a run,
 * which may be in a native call that lasts.
 */
function leave(): void {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}

/** Listens for Ctrl-C and SIGTERM: the first one asks for an end, the second leaves at once. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let first = 0;
  const interrupt = (): void => {
    if (!controller.signal.aborted) {
      first = performance.now();
      controller.abort(new Error('interrupted'));
    } else if (performance.now() - first > ONE_PRESS_MILLISECONDS) leave();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
}
