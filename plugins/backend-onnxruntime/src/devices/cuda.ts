import { join } from 'node:path';
import type { Missing, System } from './system.js';

const PROVIDER = 'libonnxruntime_providers_cuda.so';

const INSTALL =
  'Run `ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node` (with pnpm: `pnpm rebuild onnxruntime-node` under the same variable, with onnxruntime-node set to true in allowBuilds); it downloads the library from api.nuget.org.';

const DRIVER = 'libcuda.so.1';
const CUDNN = 'libcudnn.so.9';

/** ONNX Runtime gives the provider this symbol; a complaint about it comes after all libraries were found. */
const HOST_SYMBOL = 'Provider_GetHost';

/** The library that a loader's message says is not there. */
function absentLibrary(message: string): string | undefined {
  return /^(lib[\w.+-]+): cannot open shared object file/.exec(message)?.[1];
}

/** Version in a name like libcublasLt.so.12; curand and cufft count their own. */
function toolkitOf(library: string): string {
  const version = /^lib(?:cublas|cublasLt|cudart|nvrtc)\.so\.(\d+)/.exec(library)?.[1];
  return version ? `the CUDA ${version} toolkit` : 'the CUDA toolkit';
}

function toolkitMissing(message: string): Missing {
  const library = absentLibrary(message);
  if (!library) {
    return { what: `a CUDA library that fits (${message})`, cure: 'Install the versions that the message asks for.' };
  }
  return {
    what: `${library} of ${toolkitOf(library)}`,
    cure: `Install ${toolkitOf(library)} and put its folder of libraries on LD_LIBRARY_PATH before Node starts.`,
  };
}

/**
 * What the CUDA provider lacks on this machine, found without starting it. Empty does not promise a usable GPU: that
 * shows when a graph runs.
 */
export function missingForCuda(system: System): Missing[] {
  if (system.platform !== 'linux' || system.arch !== 'x64') {
    return [
      {
        what: `a CUDA library of onnxruntime-node for ${system.platform}/${system.arch} (there is one for linux/x64)`,
        cure: "Use device 'webgpu', which drives any GPU, or 'cpu'.",
      },
    ];
  }
  const provider = join(system.libraries, PROVIDER);
  const missing: Missing[] = [];
  if (!system.exists(provider)) {
    missing.push({ what: `the CUDA library of onnxruntime-node (${PROVIDER})`, cure: INSTALL });
  }
  if (system.open(DRIVER) !== undefined) {
    missing.push({
      what: `the NVIDIA driver (${DRIVER})`,
      cure: 'Install the NVIDIA driver (`nvidia-smi` then lists the GPU); a container needs the NVIDIA container toolkit and `--gpus all`.',
    });
  }
  if (system.open(CUDNN) !== undefined) {
    missing.push({
      what: `cuDNN 9 (${CUDNN})`,
      cure: 'Install cuDNN 9 for the same CUDA version and put its folder on LD_LIBRARY_PATH before Node starts.',
    });
  }
  const refused = system.exists(provider) ? system.open(provider) : undefined;
  if (refused === undefined || refused.includes(HOST_SYMBOL)) return missing;
  if (![DRIVER, CUDNN].includes(absentLibrary(refused) ?? '')) missing.push(toolkitMissing(refused));
  return missing;
}
