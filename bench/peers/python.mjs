import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuFlags } from '../lib/machine.mjs';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Neither side gives memory back to the system between steps: fresh pages cost PyTorch up to 1.5x otherwise. */
export const KEEP_MEMORY = { MALLOC_MMAP_THRESHOLD_: String(2 ** 32), MALLOC_TRIM_THRESHOLD_: String(2 ** 32) };

function importsTorch(python) {
  const done = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

function cachedEnvironment(note) {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dinomix', 'torch');
  const python = join(folder, 'bin', 'python');
  if (existsSync(python) && importsTorch(python)) return python;
  note(`installing PyTorch with pip into ${folder} (once, about 3 GB)`);
  const made = spawnSync('python3', ['-m', 'venv', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (made.status !== 0) return undefined;
  const installed = spawnSync(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return installed.status === 0 && importsTorch(python) ? python : undefined;
}

/**
 * Finds a Python with PyTorch: DINOMIX_TORCH_PYTHON, else a virtual environment that pip fills once, else the system's.
 * @returns the interpreter, where it came from and the environment that makes it fast
 */
export function findTorchPython(note) {
  const named = process.env.DINOMIX_TORCH_PYTHON;
  if (named) {
    if (!importsTorch(named)) throw new Error(`DINOMIX_TORCH_PYTHON=${named} cannot import torch`);
    return { python: named, source: 'DINOMIX_TORCH_PYTHON', env: { ...KEEP_MEMORY } };
  }
  const cached = cachedEnvironment(note);
  if (cached) return { python: cached, source: 'pip', env: { ...KEEP_MEMORY } };
  if (importsTorch('python3')) {
    const capability = cpuFlags().has('avx512f') ? { ATEN_CPU_CAPABILITY: 'avx512' } : {};
    return { python: 'python3', source: 'system', env: { ...KEEP_MEMORY, ...capability } };
  }
  throw new Error(
    "no Python with PyTorch: set DINOMIX_TORCH_PYTHON, or let pip reach PyPI, or install Debian's python3-torch and libopenblas0-openmp",
  );
}
