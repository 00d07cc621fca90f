import { DmxError } from '@dinomix/core';

/** Codes of the weights, the converter, the downloads, the pictures and the token cache. */
export type TeacherErrorCode =
  | 'DMX_DINOV3_CONFIG'
  | 'DMX_DINOV3_ARCHITECTURE'
  | 'DMX_DINOV3_KEYS'
  | 'DMX_DINOV3_VALUES'
  | 'DMX_DINOV3_MODEL'
  | 'DMX_DINOV3_OPTIONS'
  | 'DMX_DINOV3_SHARDS'
  | 'DMX_FETCH_ACCESS'
  | 'DMX_FETCH_ANSWER'
  | 'DMX_FETCH_DISK'
  | 'DMX_FETCH_EXISTS'
  | 'DMX_FETCH_FILES'
  | 'DMX_FETCH_HASH'
  | 'DMX_FETCH_ID'
  | 'DMX_FETCH_LICENCE'
  | 'DMX_FETCH_NETWORK'
  | 'DMX_FETCH_NOT_FOUND'
  | 'DMX_FETCH_OFFLINE'
  | 'DMX_FETCH_SIZE'
  | 'DMX_FETCH_TOKEN'
  | 'DMX_FETCH_URL'
  | 'DMX_TOKEN_CACHE_LIMIT'
  | 'DMX_TOKEN_CACHE_RANGE';

/** Downloads that were asked for wrongly; the others of their kind fail while they run. */
const WRONG_REQUESTS: readonly TeacherErrorCode[] = [
  'DMX_FETCH_ID',
  'DMX_FETCH_URL',
  'DMX_FETCH_TOKEN',
  'DMX_FETCH_EXISTS',
];

/** An error that says what was found and how to put it right. */
export function teacherError(
  code: TeacherErrorCode,
  {
    summary,
    why,
    fix,
    cause,
  }: { readonly summary: string; readonly why: string; readonly fix: string; readonly cause?: unknown },
): DmxError {
  const phase = /^DMX_(?:FETCH|TOKEN)_/.test(code) && !WRONG_REQUESTS.includes(code) ? 'run' : 'load';
  return new DmxError({ code, summary, why, fix, phase, ...(cause === undefined ? {} : { cause }) });
}
