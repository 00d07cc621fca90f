import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { describePackage, describeTfjsNode } from './describe.js';
import { registerMissingGradients } from './gradients.js';
import { howToComplete, howToInstall } from './instructions.js';
import { correctIntegerRound, registerFallbackKernels, TENSORFLOW_BACKEND } from './kernels.js';
import { restoreLegacyUtil } from './node-shim.js';
import {
  CPU_PACKAGE,
  findTfjsNode,
  GPU_PACKAGE,
  type InstalledTfjsNode,
  type TfjsNodePackageName,
} from './packages.js';

/** The class that tfjs-node registers; these members exist in both packages. */
interface NodeBackend extends KernelBackend {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
  readonly isGPUPackage: boolean;
}

interface TfjsNodeModule {
  /** The class whose prototype its copy of TensorFlow.js gave the methods `x.add(y)`. */
  readonly Tensor: { readonly prototype: object };
}

/** A package that this process has loaded. */
export interface LoadedTfjsNode {
  readonly name: TfjsNodePackageName;
  readonly version: string;
  /** Version of libtensorflow. */
  readonly tensorflow: string;
  readonly gpu: boolean;
  readonly backend: KernelBackend;
  /** Kernels that run on the CPU backend of TensorFlow.js. */
  readonly fallbackKernels: readonly string[];
  /** Calls so far, by kernel name. */
  readonly fallbackCalls: Readonly<Record<string, number>>;
}

/** Where and what to load. */
export interface LoadRequest {
  readonly device: 'cpu' | 'cuda' | 'auto';
  /** Folder whose `node_modules` holds the package; undefined for the plugin's own dependencies. */
  readonly folder: string | undefined;
}

// One libtensorflow per process: the addon keeps one context, and both packages claim the same backend name.
let loaded: LoadedTfjsNode | undefined;

/**
 * Loads tfjs-node (`cpu`) or tfjs-node-gpu (`cuda`; `auto` where it works here), registers the gradients and kernels it
 * lacks and leaves the backend `tensorflow` registered. A second call returns what the first one loaded.
 *
 * @throws when the package is missing, incomplete, of another version than tfjs-core, or without the GPU that was asked
 * for, and when the other package has already been loaded.
 */
export async function loadTfjsNode(tf: typeof TensorFlow, { device, folder }: LoadRequest): Promise<LoadedTfjsNode> {
  if (loaded === undefined) {
    const name = await choosePackage(device, folder);
    const installed = findComplete(name, folder);
    assertSameVersion(tf, installed);
    loaded = loadPackage(tf, installed);
  }
  if (device === 'cpu' && loaded.gpu) throw otherPackage(device, loaded.name);
  if (device === 'cuda' && loaded.name !== GPU_PACKAGE) throw otherPackage(device, loaded.name);
  if (device === 'cuda' && !loaded.gpu) {
    throw new Error(`Device "cuda" was asked for. ${(await describePackage(GPU_PACKAGE, folder)).note}`);
  }
  return loaded;
}

async function choosePackage(device: LoadRequest['device'], folder: string | undefined): Promise<TfjsNodePackageName> {
  if (device !== 'auto') return device === 'cuda' ? GPU_PACKAGE : CPU_PACKAGE;
  const works = (await describeTfjsNode(folder)).filter((description) => description.works);
  return works.some((description) => description.device === 'cuda') ? GPU_PACKAGE : CPU_PACKAGE;
}

function otherPackage(device: string, name: TfjsNodePackageName): Error {
  return new Error(
    `Device "${device}" was asked for, but this process has already loaded ${name}, and the two packages cannot share a ` +
      'process. Start a new process for the other device.',
  );
}

function findComplete(name: TfjsNodePackageName, folder: string | undefined): InstalledTfjsNode {
  const installed = findTfjsNode(name, folder);
  if (installed === undefined) {
    const place = folder === undefined ? 'beside @dinomix/backend-tfjs-node' : `in ${folder}`;
    throw new Error(`${name} is not installed ${place}. To get it: ${howToInstall(name)}.`);
  }
  if (!installed.addonPresent || !installed.libraryPresent) {
    throw new Error(`${name} ${installed.version} is incomplete: ${howToComplete(installed)}.`);
  }
  return installed;
}

// Copies of tfjs-core share one engine and one kernel registry through globals, which only equal versions agree on. All
// packages of TensorFlow.js are released together and depend on each other exactly.
function assertSameVersion(tf: typeof TensorFlow, installed: InstalledTfjsNode): void {
  const core = tf.version_core;
  if (installed.version === core) return;
  throw new Error(
    `${installed.name} ${installed.version} does not fit @tensorflow/tfjs-core ${core} of this program: ` +
      `install ${installed.name}@${core}.`,
  );
}

function loadPackage(tf: typeof TensorFlow, installed: InstalledTfjsNode): LoadedTfjsNode {
  restoreLegacyUtil();
  const module = requireQuietly(tf, installed);
  const backend = tf.findBackend(TENSORFLOW_BACKEND) as NodeBackend;
  // A program that imported the other package itself keeps that one: its registration came first.
  const name = backend.isGPUPackage ? GPU_PACKAGE : CPU_PACKAGE;
  if (name !== installed.name) throw otherPackage(installed.name === GPU_PACKAGE ? 'cuda' : 'cpu', name);
  const fallbackCalls: Record<string, number> = {};
  const fallbackKernels = registerFallbackKernels(tf, fallbackCalls);
  correctIntegerRound(tf);
  registerMissingGradients(tf);
  addMissingMethods(tf.Tensor.prototype, module.Tensor.prototype);
  return {
    name,
    version: installed.version,
    tensorflow: backend.binding.TF_Version,
    gpu: backend.isUsingGpuDevice,
    backend,
    fallbackKernels,
    fallbackCalls,
  };
}

// The package loads all of @tensorflow/tfjs, which warns of each CPU kernel and platform that is there already, and whose
// CPU backend, the one behind the fallback kernels, advises at its first tensor to install tfjs-node.
function requireQuietly(tf: typeof TensorFlow, installed: InstalledTfjsNode): TfjsNodeModule {
  const environment = tf.env();
  const production = environment.getBool('PROD');
  environment.set('PROD', true);
  try {
    const module = createRequire(join(installed.folder, 'package.json'))(installed.folder) as TfjsNodeModule;
    const cpu = tf.findBackend('cpu') as KernelBackend;
    cpu.disposeData(cpu.write(new Float32Array(1), [1], 'float32'));
    return module;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${installed.name} ${installed.version} in ${installed.folder} does not load: ${reason}`, {
      cause,
    });
  } finally {
    environment.set('PROD', production);
  }
}

// tfjs-core in Node leaves out the methods of tensors (`x.add(y)`); the package's own copy has them.
function addMissingMethods(target: object, source: object): void {
  for (const name of Object.getOwnPropertyNames(source)) {
    if (!(name in target)) Object.defineProperty(target, name, Object.getOwnPropertyDescriptor(source, name)!);
  }
}
