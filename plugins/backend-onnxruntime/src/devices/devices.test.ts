import { describe, expect, it } from 'vitest';
import { createBackend } from '../register.js';
import { missingForCuda } from './cuda.js';
import { deviceFailure } from './failure.js';
import { describeMissing, type System, thisSystem } from './system.js';
import { isSoftwareOnly, missingForWebGpu, vulkanDrivers } from './vulkan.js';

const absent = (library: string) => `${library}: cannot open shared object file: No such file or directory`;

/** A Linux machine with these files and loadable libraries. */
function machine(files: readonly string[], libraries: readonly string[], more: Partial<System> = {}): System {
  return {
    platform: 'linux',
    arch: 'x64',
    home: '/home/user',
    env: {},
    libraries: '/ort',
    exists: (path) => files.includes(path),
    list: (folder) =>
      files.filter((file) => file.startsWith(`${folder}/`)).map((file) => file.slice(folder.length + 1)),
    open: (library) => (libraries.includes(library) ? undefined : absent(library)),
    ...more,
  };
}

const PROVIDER = '/ort/libonnxruntime_providers_cuda.so';
const whats = (missing: readonly { what: string }[]) => missing.map(({ what }) => what).join('; ');

describe('what CUDA lacks', () => {
  it('names library, driver and cuDNN where there is none of them', () => {
    const missing = missingForCuda(machine([], []));
    expect(whats(missing)).toBe(
      'the CUDA library of onnxruntime-node (libonnxruntime_providers_cuda.so); the NVIDIA driver (libcuda.so.1); cuDNN 9 (libcudnn.so.9)',
    );
    expect(describeMissing(missing).fix).toContain('ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node');
  });

  // The loader's messages are those of the real provider library of 1.30.0 on a machine without CUDA.
  it('names the toolkit and its version by the library that the provider asks for', () => {
    const open = (library: string) => {
      if (library === PROVIDER) return absent('libcublasLt.so.12');
      return ['libcuda.so.1', 'libcudnn.so.9'].includes(library) ? undefined : absent(library);
    };
    const [missing, ...others] = missingForCuda(machine([PROVIDER], [], { open }));
    expect(others).toEqual([]);
    expect(missing!.what).toBe('libcublasLt.so.12 of the CUDA 12 toolkit');
    expect(missing!.cure).toContain('LD_LIBRARY_PATH');
  });

  it('does not name the driver twice where the provider asks for it', () => {
    const open = (library: string) => (library === 'libcudnn.so.9' ? undefined : absent('libcuda.so.1'));
    expect(whats(missingForCuda(machine([PROVIDER], [], { open })))).toBe('the NVIDIA driver (libcuda.so.1)');
  });

  it('finds nothing missing where all libraries load', () => {
    const open = (library: string) =>
      library === PROVIDER ? `${PROVIDER}: undefined symbol: Provider_GetHost` : undefined;
    expect(missingForCuda(machine([PROVIDER], [], { open }))).toEqual([]);
  });

  it('says that other platforms have no CUDA library', () => {
    expect(whats(missingForCuda(machine([], [], { platform: 'win32' })))).toContain('win32/x64');
  });
});

describe('what WebGPU lacks', () => {
  const loader = 'libvulkan.so.1';
  const nvidia = '/etc/vulkan/icd.d/nvidia_icd.json';

  it('names the Vulkan loader and a driver', () => {
    expect(whats(missingForWebGpu(machine([], [])))).toBe('the Vulkan loader (libvulkan.so.1); a Vulkan driver');
  });

  it('finds drivers where the Vulkan loader looks for them', () => {
    const files = [
      nvidia,
      '/usr/share/vulkan/icd.d/intel_icd.x86_64.json',
      '/home/user/.local/share/vulkan/icd.d/a.json',
    ];
    const system = machine(files, [loader]);
    expect([...vulkanDrivers(system).files].sort()).toEqual([...files].sort());
    expect(missingForWebGpu(system)).toEqual([]);
  });

  it('takes the variables of the Vulkan loader instead, and says which one names a file that is not there', () => {
    const env = { VK_ICD_FILENAMES: '/nowhere/icd.json' };
    expect(whats(missingForWebGpu(machine([nvidia], [loader], { env })))).toBe(
      'the Vulkan driver that VK_ICD_FILENAMES names (/nowhere/icd.json)',
    );
  });

  it('needs nothing on Windows and macOS', () => {
    expect(missingForWebGpu(machine([], [], { platform: 'darwin', arch: 'arm64' }))).toEqual([]);
  });

  it('tells software drivers from others', () => {
    expect(isSoftwareOnly(['/usr/lib/chromium/vk_swiftshader_icd.json'])).toBe(true);
    expect(isSoftwareOnly([nvidia, '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json'])).toBe(false);
    expect(isSoftwareOnly([])).toBe(false);
  });
});

describe('failures of a device', () => {
  // The messages are ONNX Runtime's own, from a machine with the CUDA libraries but no GPU and one with no Vulkan driver.
  const noGpu =
    '/src/cuda_call.cc:154 CudaCall(...) [with ERRTYPE = cudaError; bool THRW = true] CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm ; expr=cudaSetDevice(info_.device_id);';
  const noAdapter =
    '/src/webgpu_context.cc:136 Initialize(...)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n';

  it('names device, cause and cure', () => {
    const cuda = deviceFailure('cuda', new Error(noGpu))!;
    expect(cuda.code).toBe('DMX_ENGINE_DEVICE');
    expect(cuda.message).toContain("the device 'cuda' failed");
    expect(cuda.message).toContain('(ONNX Runtime: CUDA failure 100: no CUDA-capable device is detected)');
    expect(cuda.fix).not.toBe('');
    const webgpu = deviceFailure('webgpu', new Error(noAdapter))!;
    expect(webgpu.message).toContain('(ONNX Runtime: Failed to get a WebGPU adapter: No supported adapters)');
  });

  it('leaves failures of the graph, of memory and of the CPU to others', () => {
    expect(
      deviceFailure('webgpu', new Error('Conv3D does not support grouped convolution (group=2).')),
    ).toBeUndefined();
    expect(deviceFailure('cuda', new Error('CUDA failure 2: out of memory'))).toBeUndefined();
    expect(deviceFailure('cpu', new Error(noGpu))).toBeUndefined();
  });

  it('refuses a device that lacks something before any graph is made', (ctx) => {
    const missing = missingForCuda(thisSystem());
    if (missing.length === 0) ctx.skip('this machine has what CUDA needs');
    expect(() => createBackend({ device: 'cuda' })).toThrow(
      `DMX_ENGINE_DEVICE: the device 'cuda' does not work here: missing: ${missing[0]!.what}`,
    );
    expect(createBackend({ device: 'auto' }).settings.target.provider).toBe('cpu');
  });
});
