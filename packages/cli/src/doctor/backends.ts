import { type BackendKernels, type JsonObject, reasonOf } from '@dinomix/core';
import { DEFAULT_BACKEND, openBackendPackage } from '../backend-host.js';
import type { CommandContext } from '../command.js';
import type { Finding } from './finding.js';

/** What one backend would do on this machine. */
export interface BackendReport {
  readonly package: string;
  readonly version: string;
  readonly devices: readonly { readonly device: string; readonly works: boolean; readonly note: string }[];
  /** Versions, threads and lowering of a session on the CPU; null where none could be opened. */
  readonly facts: JsonObject | null;
  /** Kernels of the tensor library by where they run; null where the backend makes no difference. */
  readonly kernels: BackendKernels | null;
  /** Why nothing could be said; null when all went well. */
  readonly problem: string | null;
}

async function factsOnCpu(opened: Awaited<ReturnType<typeof openBackendPackage>>): Promise<JsonObject | null> {
  try {
    const session = await opened.backend.setup({ device: 'cpu', threads: null });
    const { facts } = session;
    await session.dispose();
    return facts;
  } catch {
    // The devices' own notes say what is missing.
    return null;
  }
}

async function describeBackend(context: CommandContext, name: string, version: string): Promise<BackendReport> {
  try {
    const opened = await openBackendPackage(context, name, '"dinomix doctor"');
    try {
      const devices = await opened.backend.probe();
      const facts = devices.some(({ device, works }) => device === 'cpu' && works) ? await factsOnCpu(opened) : null;
      const kernels = opened.backend.kernels?.() ?? null;
      return { package: name, version, devices, facts, kernels, problem: null };
    } finally {
      await opened.host.dispose();
    }
  } catch (failure) {
    return { package: name, version, devices: [], facts: null, kernels: null, problem: reasonOf(failure) };
  }
}

/** Asks every backend that the project declares what each device would do here. */
export async function describeBackends(context: CommandContext): Promise<readonly BackendReport[]> {
  const found = context.packages.plugins().filter(({ provides }) => provides.some((key) => key.startsWith('backend:')));
  const reports: BackendReport[] = [];
  // One after the other: a backend makes itself current while it is asked.
  for (const { name, version } of found) reports.push(await describeBackend(context, name, version));
  return reports;
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const TFJS_NODE = '@dinomix/backend-tfjs-node';

/** How to get libtensorflow under the same programs, where the project does not have it. */
function optionalBackends(reports: readonly BackendReport[]): readonly Finding[] {
  if (reports.some((report) => report.package === TFJS_NODE)) return [];
  const note =
    `not installed, and not needed. To run on libtensorflow: npm install ${TFJS_NODE} @tensorflow/tfjs-node ` +
    '(@tensorflow/tfjs-node-gpu for an NVIDIA GPU), add tfjsNode() to "plugins"; this command then says what it lacks.';
  return [{ check: TFJS_NODE, state: 'note', note }];
}

/** How many kernels run where; which ones, if asked for. */
function judgeKernels({ native, fallback }: BackendKernels, named: boolean): readonly Finding[] {
  const counts = `${native.length} native, ${fallback.length} on a slower backend`;
  if (!named) return [{ check: '  kernels', state: 'good', note: `${counts}; --verbose names them` }];
  return [
    { check: '  kernels', state: 'good', note: counts },
    { check: '    native', state: 'note', note: native.join(' ') },
    { check: '    fallback', state: 'note', note: fallback.join(' ') },
  ];
}

/** The reports as findings. @param named - whether kernels are named. */
export function judgeBackends(reports: readonly BackendReport[], folder: string, named: boolean): readonly Finding[] {
  if (reports.length === 0) {
    const note = `${folder} declares no backend`;
    const fix = `Install one: npm install ${DEFAULT_BACKEND}`;
    return [{ check: 'backend', state: 'warning', note, fix }];
  }
  const judged = reports.flatMap((report): readonly Finding[] => {
    const { package: name, version, problem, facts, kernels } = report;
    if (problem !== null) return [{ check: name, state: 'error', note: `${version} does not start: ${problem}` }];
    const known = Object.entries(facts ?? {}).map(([key, value]) => `${key} ${show(value)}`);
    return [
      { check: name, state: 'good', note: [version, ...known].join(', ') },
      ...report.devices.map(({ device, works, note }): Finding => {
        return { check: `  device ${device}`, state: works ? 'good' : 'note', note };
      }),
      ...(kernels === null ? [] : judgeKernels(kernels, named)),
    ];
  });
  return [...judged, ...optionalBackends(reports)];
}
