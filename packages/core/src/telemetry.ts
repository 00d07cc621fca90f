// `@dinomix/core/telemetry`: for what starts worker threads, without the plugin host.

/**
 * Switches off the telemetry that ONNX Runtime 1.29 and later would record under `~/.cache/Microsoft/DeveloperTools`, for
 * this process and the threads and processes that it starts from now on. To be called in the main thread before the first
 * thread is made: a thread has a copy of the environment, which native libraries do not read.
 */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}
