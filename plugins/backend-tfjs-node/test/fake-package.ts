import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TfjsNodePackageName } from '../src/packages.js';

/** What lies in a made-up tfjs-node package. */
export interface FakePackage {
  readonly name: TfjsNodePackageName;
  readonly version?: string;
  readonly addon?: boolean;
  readonly library?: boolean;
  /** Source of its main file. */
  readonly main?: string;
}

/** Makes a folder whose `node_modules` holds the packages; call `remove` after use. */
export function fakeInstallation(packages: readonly FakePackage[]): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-tfjs-node-'));
  for (const { name, version = '4.22.0', addon = true, library = true, main = '' } of packages) {
    const home = join(folder, 'node_modules', name);
    mkdirSync(join(home, 'lib', 'napi-v8'), { recursive: true });
    mkdirSync(join(home, 'deps', 'lib'), { recursive: true });
    const binary = {
      module_name: 'tfjs_binding',
      module_path: './lib/napi-v{napi_build_version}',
      napi_versions: [3, 8],
    };
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name, version, main: 'index.js', binary }));
    writeFileSync(join(home, 'index.js'), main);
    if (addon) writeFileSync(join(home, 'lib', 'napi-v8', 'tfjs_binding.node'), 'no machine code');
    if (library) writeFileSync(join(home, 'deps', 'lib', LIBRARY), '');
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const LIBRARY =
  { win32: 'tensorflow.dll', darwin: 'libtensorflow.2.dylib' }[process.platform as string] ?? 'libtensorflow.so';
