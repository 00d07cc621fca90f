import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SLOT_NAMES } from '@dinomix/core';
import { usageError } from './errors.js';

/** A package that the project can import. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Real path of its folder. */
  readonly folder: string;
  /** Keys such as `mixer:pic` of a plugin; empty for anything else. */
  readonly provides: readonly string[];
}

/** What the command knows of the packages around a project. */
export interface Packages {
  /** Folder of the project. */
  readonly folder: string;
  /** A package as a module in `from` (default: the project) would find it; null where it is not installed. */
  find(name: string, from?: string): InstalledPackage | null;
  /** Plugins among the declared dependencies of the project. */
  plugins(): readonly InstalledPackage[];
  /**
   * Imports a package.
   * @param wanted - what needs it, for the message
   * @throws DMX_CLI_PACKAGE where it is not installed.
   */
  load(name: string, wanted: string): Promise<Readonly<Record<string, unknown>>>;
}

interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly keywords?: unknown;
  readonly dinomix?: { readonly provides?: unknown };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const KEYWORD = 'dinomix-plugin';
const FOLDER_NAME = new RegExp(`(?:^|/)(${SLOT_NAMES.join('|')})-([\\w.-]+)$`);

function readManifest(folder: string): Manifest | null {
  const file = join(folder, 'package.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch {
    return null;
  }
}

/** Keys that a package states in `"dinomix": { "provides": [...] }`, or else by its name `<slot>-<id>`. */
function providesOf(name: string, { keywords, dinomix }: Manifest): readonly string[] {
  const stated = dinomix?.provides;
  if (Array.isArray(stated)) return stated.filter((key) => typeof key === 'string');
  if (!Array.isArray(keywords) || !keywords.includes(KEYWORD)) return [];
  const [, slot, id] = FOLDER_NAME.exec(name) ?? [];
  return slot === undefined ? [] : [`${slot}:${id}`];
}

/** The folder of `node_modules` that Node would take, walking up from `from`. */
function locate(name: string, from: string): string | null {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (dirname(folder) === folder) return null;
  }
}

/** The nearest folder upwards with a package.json, or the folder itself. */
export function projectFolder(from: string): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (dirname(folder) === folder) return resolve(from);
  }
}

/** The packages around a folder. Nothing is scanned: only declared dependencies are looked at. */
export function createPackages(from: string): Packages {
  const folder = projectFolder(from);
  const find = (name: string, start = folder): InstalledPackage | null => {
    const place = locate(name, start);
    const manifest = place === null ? null : readManifest(place);
    if (place === null || manifest === null) return null;
    return { name, version: String(manifest.version ?? ''), folder: place, provides: providesOf(name, manifest) };
  };
  return {
    folder,
    find,
    plugins: () => {
      const { dependencies, devDependencies, optionalDependencies } = readManifest(folder) ?? {};
      const names = Object.keys({ ...optionalDependencies, ...devDependencies, ...dependencies }).sort();
      return names.flatMap((name) => {
        const found = find(name);
        return found === null || found.provides.length === 0 ? [] : [found];
      });
    },
    load: async (name, wanted) => {
      if (find(name) === null) throw usageError('DMX_CLI_PACKAGE', { name, wanted, folder });
      const entry = createRequire(join(folder, 'package.json')).resolve(name);
      return (await import(pathToFileURL(entry).href)) as Readonly<Record<string, unknown>>;
    },
  };
}
