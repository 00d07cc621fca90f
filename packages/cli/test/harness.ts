import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { main, type Surroundings } from '../src/main.js';
import type { InstalledPackage, Packages } from '../src/packages.js';

/** What a command wrote and how it ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as from a shell without a terminal. */
export async function dinomix(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  const written = { out: '', err: '' };
  const terminal = {
    out: (text: string) => {
      written.out += text;
    },
    err: (text: string) => {
      written.err += text;
    },
    isScreen: false,
    columns: () => 80,
  };
  const signal = new AbortController().signal;
  const code = await main(args, { terminal, signal, ...surroundings });
  return { code, ...written };
}

const folders: string[] = [];

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-cli-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A project whose packages are modules of this process: the sources, not what was built from them. */
export function projectOf(
  folder: string,
  modules: Readonly<Record<string, { provides: readonly string[]; load: () => Promise<object> }>>,
): Packages {
  const installed = (name: string): InstalledPackage | null => {
    const known = modules[name];
    return known === undefined ? null : { name, version: '1.0.0', folder: `/${name}`, provides: known.provides };
  };
  return {
    folder,
    find: (name) => installed(name),
    plugins: () => Object.keys(modules).map((name) => installed(name)!),
    load: async (name) => ({ ...(await modules[name]!.load()) }),
  };
}
