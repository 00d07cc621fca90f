import { DmxError } from '@dinomix/core';

/** Codes of the weights, the converter and the token cache. */
export type TeacherErrorCode =
  | 'DMX_DINOV3_CONFIG'
  | 'DMX_DINOV3_ARCHITECTURE'
  | 'DMX_DINOV3_KEYS'
  | 'DMX_DINOV3_VALUES'
  | 'DMX_DINOV3_OPTIONS';

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
  return new DmxError({ code, summary, why, fix, phase: 'load', ...(cause === undefined ? {} : { cause }) });
}
