import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** The two builds of the addon. They register the same backend name and must never share a process. */
export type TfjsNodePackageName = '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu';

/** libtensorflow on CPU cores. */
export const CPU_PACKAGE: TfjsNodePackageName = '@tensorflow/tfjs-node';
/** libtensorflow with CUDA. */
export const GPU_PACKAGE: TfjsNodePackageName = '@tensorflow/tfjs-node-gpu';

/** One of the packages as it lies on disk; nothing of it has been loaded. */
export interface InstalledTfjsNode {
  readonly name: TfjsNodePackageName;
  readonly version: string;
  /** Absolute path of the package. */
  readonly folder: string;
  /** Where its loader looks for the addon in this version of Node. */
  readonly addon: string;
  readonly addonPresent: boolean;
  /** Where the addon looks for libtensorflow. */
  readonly library: string;
  readonly libraryPresent: boolean;
}

interface Manifest {
  readonly version: string;
  readonly binary: {
    readonly module_name: string;
    readonly module_path: string;
    readonly napi_versions: readonly number[];
  };
}

/**
 * Finds an installed package without loading it.
 *
 * @param from folder whose `node_modules` holds it; undefined looks where this plugin's own dependencies are.
 * @returns undefined when it is not installed.
 */
export function findTfjsNode(name: TfjsNodePackageName, from?: string): InstalledTfjsNode | undefined {
  const manifestPath = resolveManifest(name, from);
  if (manifestPath === undefined) return undefined;
  const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
  const folder = dirname(manifestPath);
  const addon = addonPath(folder, manifest);
  const library = join(folder, 'deps', 'lib');
  return {
    name,
    version: manifest.version,
    folder,
    addon,
    addonPresent: existsSync(addon),
    library,
    libraryPresent: libraryFiles().some((file) => existsSync(join(library, file))),
  };
}

function resolveManifest(name: TfjsNodePackageName, from: string | undefined): string | undefined {
  const require = createRequire(from === undefined ? import.meta.url : join(resolve(from), 'package.json'));
  try {
    return require.resolve(`${name}/package.json`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

// node-pre-gyp takes the newest Node-API version that both the package lists and the running Node offer.
function addonPath(folder: string, { binary }: Manifest): string {
  const offered = Number(process.versions.napi);
  const version = Math.max(...binary.napi_versions.filter((candidate) => candidate <= offered));
  return join(
    folder,
    binary.module_path.replace('{napi_build_version}', String(version)),
    `${binary.module_name}.node`,
  );
}

function libraryFiles(): readonly string[] {
  if (process.platform === 'win32') return ['tensorflow.dll', 'tensorflow.lib'];
  return process.platform === 'darwin' ? ['libtensorflow.2.dylib', 'libtensorflow.dylib'] : ['libtensorflow.so'];
}
