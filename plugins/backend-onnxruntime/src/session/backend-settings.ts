import type { CompileSettings } from './compile.js';

export interface BackendSettings extends CompileSettings {
  /** Most compiled graphs kept at a time; each owns a memory arena. */
  readonly cachedGraphs: number;
  /** Operations recorded without a read before the engine runs them by itself. */
  readonly pendingLimit: number;
}
