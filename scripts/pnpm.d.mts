import type { SpawnSyncOptions } from 'node:child_process';

/** Folder of the workspace. */
export const root: string;

/** Runs the pinned pnpm in the workspace root and returns its exit status. */
export function pnpm(args: readonly string[], options?: SpawnSyncOptions): number;
