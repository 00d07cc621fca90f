import { isMainThread } from 'node:worker_threads';

/** What ONNX Runtime reads when it is loaded. */
const VARIABLE = 'ORT_DISABLE_TELEMETRY';

/** Whether the native libraries of this process see the variable; a worker's `process.env` is only a copy. */
function isOff(): boolean {
  if (isMainThread) return process.env[VARIABLE] === '1';
  const report = process.report.getReport() as { readonly environmentVariables?: Readonly<Record<string, string>> };
  return report.environmentVariables?.[VARIABLE] === '1';
}

/**
 * Switches off the telemetry that ONNX Runtime 1.29 and later would record under `~/.cache/Microsoft/DeveloperTools`.
 * Called before it is loaded. In a worker of a program that has not set the variable nothing can be done any more, and a
 * warning says what to set.
 */
export function disableTelemetry(): void {
  process.env[VARIABLE] = '1';
  if (isOff()) return;
  process.emitWarning(
    `ONNX Runtime is loaded in a worker thread and may record telemetry: set ${VARIABLE}=1 before the program starts, or process.env.${VARIABLE} = '1' in its main thread before the worker is made.`,
    { code: 'DMX_TELEMETRY' },
  );
}
