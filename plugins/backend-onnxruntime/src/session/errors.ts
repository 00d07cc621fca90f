export type EngineErrorCode =
  | 'DMX_ENGINE_LOAD'
  | 'DMX_ENGINE_IN_USE'
  | 'DMX_ENGINE_DEVICE'
  | 'DMX_ENGINE_GRAPH'
  | 'DMX_ENGINE_MEMORY'
  | 'DMX_ENGINE_RUN'
  | 'DMX_ENGINE_REPLAY'
  | 'DMX_ENGINE_DISPOSED'
  | 'DMX_ENGINE_EXPORT'
  | 'DMX_ENGINE_NETWORK';

/** An error of the engine: `message` says what happened and, after a line break, what to do. */
export interface EngineError extends Error {
  readonly code: EngineErrorCode;
  readonly fix: string;
}

export function createOnnxRuntimeError(code: EngineErrorCode, why: string, fix: string, cause?: unknown): EngineError {
  const error = new Error(`${code}: ${why}\n${fix}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code, fix });
}

export function isEngineError(cause: unknown, code: EngineErrorCode): cause is EngineError {
  return cause instanceof Error && (cause as Partial<EngineError>).code === code;
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
