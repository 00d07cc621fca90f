import { howToComplete, howToFindGpu, howToInstall } from './instructions.js';
import {
  CPU_PACKAGE,
  findTfjsNode,
  GPU_PACKAGE,
  type InstalledTfjsNode,
  type TfjsNodePackageName,
} from './packages.js';
import { type ProbeFailure, type ProbeSuccess, probeTfjsNode } from './probe.js';

/** One of the two packages on this machine. */
export interface TfjsNodeDescription {
  readonly name: TfjsNodePackageName;
  /** `cpu` for tfjs-node, `cuda` for tfjs-node-gpu. */
  readonly device: 'cpu' | 'cuda';
  /** Undefined when it is not installed. */
  readonly installed: InstalledTfjsNode | undefined;
  /** Undefined when there is nothing to load. */
  readonly probe: ProbeSuccess | ProbeFailure | undefined;
  /** Whether `device` can be used. */
  readonly works: boolean;
  /** One sentence: what is there, or what is missing and how to get it. */
  readonly note: string;
}

/**
 * Says for both packages what is installed, what is missing and how to get it. Each installed package is loaded in a
 * process of its own (about a second each); nothing is loaded into this one.
 *
 * @param folder folder whose `node_modules` holds the packages; default: the plugin's own dependencies.
 */
export async function describeTfjsNode(folder?: string): Promise<readonly TfjsNodeDescription[]> {
  return [await describePackage(CPU_PACKAGE, folder), await describePackage(GPU_PACKAGE, folder)];
}

/** {@link describeTfjsNode} for one of the two. */
export async function describePackage(
  name: TfjsNodePackageName,
  folder: string | undefined,
): Promise<TfjsNodeDescription> {
  const device = name === GPU_PACKAGE ? 'cuda' : 'cpu';
  const installed = findTfjsNode(name, folder);
  if (installed === undefined) {
    const note = `${name} is not installed. To get it: ${howToInstall(name)}.`;
    return { name, device, installed, probe: undefined, works: false, note };
  }
  const found = `${name} ${installed.version} in ${installed.folder}`;
  if (!installed.addonPresent || !installed.libraryPresent) {
    return { name, device, installed, probe: undefined, works: false, note: `${found}: ${howToComplete(installed)}.` };
  }
  const probe = await probeTfjsNode(installed);
  if (!probe.loads) {
    return { name, device, installed, probe, works: false, note: `${found} does not load: ${probe.reason}.` };
  }
  const works = device === 'cpu' || probe.gpu;
  const state = works
    ? `works with libtensorflow ${probe.tensorflow}`
    : howToFindGpu(probe.tensorflow, probe.missingLibraries);
  return { name, device, installed, probe, works, note: `${found}: ${state}.` };
}
