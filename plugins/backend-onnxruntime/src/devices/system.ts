import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** What the device checks ask of the machine; tests put their own in its place. */
export interface System {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of onnxruntime-node's native libraries for this platform. */
  readonly libraries: string;
  exists(path: string): boolean;
  /** Names of the entries of a folder; none if it cannot be read. */
  list(folder: string): readonly string[];
  /** Opens a shared library by name or path: undefined if it loads, else the loader's own message. */
  open(library: string): string | undefined;
}

/** Something that a device needs and that is not there, and how to get it. */
export interface Missing {
  readonly what: string;
  readonly cure: string;
}

/** What `process.dlopen` says of a library that did load but is, as expected, no Node addon. */
const LOADED = /did not self-register/;

function open(library: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, library);
    return undefined;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return LOADED.test(message) ? undefined : message;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** This machine. */
export function thisSystem(): System {
  const { platform, arch, env } = process;
  const package_ = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const libraries = join(package_, 'bin', 'napi-v6', platform, arch);
  return { platform, arch, home: homedir(), env, libraries, exists: existsSync, list, open };
}

/** The missing things and then their cures, as one text. */
export function describeMissing(missing: readonly Missing[]): { why: string; fix: string } {
  return {
    why: `missing: ${missing.map(({ what }) => what).join('; ')}`,
    fix: missing.map(({ cure }) => cure).join(' '),
  };
}
