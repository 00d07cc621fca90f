import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuFlags } from '../lib/machine.mjs';

/** Neither side gives memory back to the system between steps: fresh pages cost PyTorch up to 1.5x otherwise. */
export const KEEP_MEMORY = { MALLOC_MMAP_THRESHOLD_: String(2 ** 32), MALLOC_TRIM_THRESHOLD_: String(2 ** 32) };

/** What a Python must be able to import, and the virtual environment that pip fills with it once. */
const TORCH = { module: 'torch', title: 'PyTorch', size: '3 GB', folder: 'torch', file: 'requirements.txt' };
const DATA = {
  module: 'medpy.metric.binary, scipy',
  title: 'NumPy, scipy and MedPy',
  size: '250 MB',
  folder: 'data',
  file: 'requirements-data.txt',
};

/** PyTorch with a reader of scans, in the same environment. */
const SCANS = { ...TORCH, module: 'torch, nibabel', title: 'PyTorch and nibabel', file: 'requirements-scans.txt' };

/** The same with MONAI. */
const PROTOCOL = {
  ...TORCH,
  module: 'torch, nibabel, monai',
  title: 'PyTorch, nibabel and MONAI',
  file: 'requirements-protocol.txt',
};

function imports(python, { module }) {
  return spawnSync(python, ['-c', `import ${module}`]).status === 0;
}

function cachedEnvironment(wanted, note) {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dinomix', wanted.folder);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python) && imports(python, wanted)) return python;
  note(`installing ${wanted.title} with pip into ${folder} (once, about ${wanted.size})`);
  const made = spawnSync('python3', ['-m', 'venv', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (made.status !== 0) return undefined;
  const requirements = fileURLToPath(new URL(wanted.file, import.meta.url));
  const installed = spawnSync(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return installed.status === 0 && imports(python, wanted) ? python : undefined;
}

/** DINOMIX_*_PYTHON, else a virtual environment that pip fills once, else the system's. */
function findPython(wanted, variable, note) {
  const named = process.env[variable];
  if (named) {
    if (!imports(named, wanted)) throw new Error(`${variable}=${named} cannot import ${wanted.module}`);
    return { python: named, source: variable };
  }
  const cached = cachedEnvironment(wanted, note);
  if (cached) return { python: cached, source: 'pip' };
  return imports('python3', wanted) ? { python: 'python3', source: 'system' } : undefined;
}

/**
 * Finds a Python with NumPy, scipy and MedPy: DINOMIX_DATA_PYTHON, else a virtual environment that pip fills once, else the
 * system's.
 * @returns the interpreter and where it came from
 */
export function findDataPython(note) {
  const found = findPython(DATA, 'DINOMIX_DATA_PYTHON', note);
  if (found) return found;
  throw new Error('no Python with NumPy, scipy and MedPy: set DINOMIX_DATA_PYTHON, or let pip reach PyPI');
}

/**
 * Finds a Python with PyTorch: DINOMIX_TORCH_PYTHON, else a virtual environment that pip fills once, else the system's.
 * @returns the interpreter, where it came from and the environment that makes it fast
 */
export function findTorchPython(note) {
  const found = findPython(TORCH, 'DINOMIX_TORCH_PYTHON', note);
  if (!found) {
    throw new Error(
      "no Python with PyTorch: set DINOMIX_TORCH_PYTHON, or let pip reach PyPI, or install Debian's python3-torch and libopenblas0-openmp",
    );
  }
  const isSlow = found.source === 'system' && cpuFlags().has('avx512f');
  return { ...found, env: { ...KEEP_MEMORY, ...(isSlow ? { ATEN_CPU_CAPABILITY: 'avx512' } : {}) } };
}

/** Finds a Python with PyTorch and nibabel: DINOMIX_TORCH_PYTHON, else the environment of {@link findTorchPython}, else the system's. */
export function findScanPython(note) {
  const found = findPython(SCANS, 'DINOMIX_TORCH_PYTHON', note);
  if (found) return found;
  throw new Error('no Python with PyTorch and nibabel: set DINOMIX_TORCH_PYTHON, or let pip reach PyPI');
}

/** Finds a Python with PyTorch, nibabel and MONAI: as {@link findScanPython}, with the environment that makes it fast. */
export function findProtocolPython(note) {
  const found = findPython(PROTOCOL, 'DINOMIX_TORCH_PYTHON', note);
  if (!found)
    throw new Error('no Python with PyTorch, nibabel and MONAI: set DINOMIX_TORCH_PYTHON, or let pip reach PyPI');
  const hasCuda =
    spawnSync(found.python, ['-c', 'import torch, sys; sys.exit(not torch.cuda.is_available())']).status === 0;
  return { ...found, env: KEEP_MEMORY, hasCuda };
}
