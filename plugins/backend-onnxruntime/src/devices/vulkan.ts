import { join } from 'node:path';
import type { Missing, System } from './system.js';

const LOADER = 'libvulkan.so.1';

/** Debian's package chromium-common carries SwiftShader, a Vulkan driver that computes on the CPU. */
export const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

const SOFTWARE = /swiftshader|lvp_icd/i;

function folders(system: System): string[] {
  const { env, home } = system;
  const split = (value: string | undefined, otherwise: string) => (value || otherwise).split(':');
  const roots = [
    env.XDG_CONFIG_HOME || join(home, '.config'),
    ...split(env.XDG_CONFIG_DIRS, '/etc/xdg'),
    '/etc',
    env.XDG_DATA_HOME || join(home, '.local', 'share'),
    ...split(env.XDG_DATA_DIRS, '/usr/local/share:/usr/share'),
  ];
  return roots.map((root) => join(root, 'vulkan', 'icd.d'));
}

/** Files that register Vulkan drivers, as the Vulkan loader on Linux looks for them. */
export function vulkanDrivers(system: System): { readonly files: readonly string[]; readonly from?: string } {
  const from = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => system.env[name]);
  if (from) return { files: system.env[from]!.split(':').filter(Boolean), from };
  const found = folders(system).flatMap((folder) =>
    system
      .list(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => join(folder, name)),
  );
  return { files: [...new Set(found)] };
}

/** Whether every registered driver computes on the CPU. */
export function isSoftwareOnly(files: readonly string[]): boolean {
  return files.length > 0 && files.every((file) => SOFTWARE.test(file));
}

function withoutGpu(system: System): string {
  const install = system.exists(SWIFTSHADER) ? '' : '`apt-get install chromium-common` (Debian) and ';
  return `To try without a GPU: ${install}set VK_ICD_FILENAMES=${SWIFTSHADER} before Node starts.`;
}

/** What WebGPU lacks on this machine, found without starting it. Windows and macOS bring what it needs. */
export function missingForWebGpu(system: System): Missing[] {
  if (system.platform !== 'linux') return [];
  const missing: Missing[] = [];
  if (system.open(LOADER) !== undefined) {
    missing.push({
      what: `the Vulkan loader (${LOADER})`,
      cure: 'Install it: `apt-get install libvulkan1` on Debian and Ubuntu, `dnf install vulkan-loader` on Fedora.',
    });
  }
  const { files, from } = vulkanDrivers(system);
  const present = files.filter((file) => system.exists(file));
  if (present.length > 0) return missing;
  missing.push({
    what: from ? `the Vulkan driver that ${from} names (${files.join(', ')})` : 'a Vulkan driver',
    cure: `Install the GPU's driver (mesa-vulkan-drivers for AMD and Intel; NVIDIA's own holds one). ${withoutGpu(system)}`,
  });
  return missing;
}
