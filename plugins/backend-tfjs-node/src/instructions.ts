import { BUNDLED_LIBTENSORFLOW, cudaRequirement } from './cuda.js';
import { GPU_PACKAGE, type InstalledTfjsNode, type TfjsNodePackageName } from './packages.js';

const VERSION = '4.22.0';

/** How to install a package that is not there. */
export function howToInstall(name: TfjsNodePackageName): string {
  const script = name === GPU_PACKAGE ? 'build-tfjs-node.sh <folder> --gpu' : 'build-tfjs-node.sh <folder>';
  return (
    `npm install ${name}@${VERSION} (its install script downloads libtensorflow ${BUNDLED_LIBTENSORFLOW} and the addon ` +
    `from storage.googleapis.com; pnpm must be told to run it), or build it against TensorFlow's Python wheel with ` +
    `bench/peers/${script} of the DinoMix repository and name the folder in the option "folder" or in DINOMIX_TFJS_NODE` +
    `${name === GPU_PACKAGE ? `. ${howToGetCuda(undefined)}` : ''}`
  );
}

/** How to complete a package whose JavaScript is there without its addon or libtensorflow. */
export function howToComplete(installed: InstalledTfjsNode): string {
  const missing = installed.addonPresent
    ? `libtensorflow is missing at ${installed.library}`
    : `the addon is missing at ${installed.addon}`;
  const rebuild = `npm rebuild ${installed.name}`;
  return `${missing}: the install script was skipped or failed; run ${rebuild} where storage.googleapis.com can be reached`;
}

/**
 * What a GPU needs.
 *
 * @param tensorflow version of libtensorflow; undefined for the one that the install script downloads.
 */
export function howToGetCuda(tensorflow: string | undefined): string {
  const version = tensorflow ?? BUNDLED_LIBTENSORFLOW;
  const requirement = cudaRequirement(version);
  const libraries =
    requirement === undefined
      ? `the CUDA and cuDNN of its build (unknown here)`
      : `CUDA ${requirement.cuda} and cuDNN ${requirement.cudnn}`;
  const old =
    version === BUNDLED_LIBTENSORFLOW
      ? '; it predates the Ada and Hopper GPUs, whose code the driver compiles on the first start'
      : '';
  return (
    `It needs an NVIDIA GPU with its driver (nvidia-smi lists it) and ${libraries} on ` +
    `LD_LIBRARY_PATH or under deps/nvidia of the package${old}`
  );
}

/** How to get a GPU to work when the package loads without finding one. */
export function howToFindGpu(tensorflow: string, missingLibraries: readonly string[]): string {
  const missing = missingLibraries.length === 0 ? '' : ` and cannot open ${missingLibraries.join(', ')}`;
  const driver = missingLibraries.includes('libcuda.so.1') ? ' (libcuda.so.1 is part of the driver)' : '';
  return `libtensorflow ${tensorflow} finds no GPU${missing}${driver}. ${howToGetCuda(tensorflow)}; CUDA_VISIBLE_DEVICES must not hide the GPU`;
}
