import { execFile } from 'node:child_process';
import type { InstalledTfjsNode } from './packages.js';

/** What a package says of itself once its addon and libtensorflow are loaded. */
export interface ProbeSuccess {
  readonly loads: true;
  /** Version of libtensorflow, such as `2.21.0`. */
  readonly tensorflow: string;
  /** Whether libtensorflow found a GPU. */
  readonly gpu: boolean;
  /** CUDA and driver libraries that libtensorflow looked for in vain. */
  readonly missingLibraries: readonly string[];
}

/** Why a package does not load. */
export interface ProbeFailure {
  readonly loads: false;
  readonly reason: string;
}

const TIMEOUT_MS = 120_000;
const MARK = 'dinomix-tfjs-node-probe:';

// The addon alone: it links libtensorflow and opens a context on its devices when it is loaded.
const PROGRAM = `
  const binding = require(process.argv[1]);
  console.log(${JSON.stringify(MARK)} + JSON.stringify({ tensorflow: binding.TF_Version, gpu: binding.isUsingGpuDevice() }));
`;

// Makes libtensorflow say on stderr which libraries it could not open.
const TELL_OF_LIBRARIES = { TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'dso_loader=1' };

/**
 * Loads an installed package in a process of its own: a library that is missing, foreign to this CPU or in need of
 * another CUDA may end the process that loads it, and the two packages must not share one.
 */
export function probeTfjsNode(installed: InstalledTfjsNode): Promise<ProbeSuccess | ProbeFailure> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      ['-e', PROGRAM, installed.addon],
      { timeout: TIMEOUT_MS, env: { ...process.env, ...TELL_OF_LIBRARIES } },
      (error, stdout, stderr) => {
        const line = stdout.split('\n').find((candidate) => candidate.startsWith(MARK));
        if (error === null && line !== undefined) {
          const found = JSON.parse(line.slice(MARK.length)) as { tensorflow: string; gpu: boolean };
          done({ loads: true, ...found, missingLibraries: missingLibraries(stderr) });
        } else {
          done({ loads: false, reason: failureReason(error, stderr) });
        }
      },
    );
  });
}

function failureReason(
  error: (Error & { signal?: NodeJS.Signals | null; killed?: boolean }) | null,
  stderr: string,
): string {
  const thrown = stderr.split('\n').find((line) => /^\w*Error: /.test(line));
  if (thrown !== undefined) return thrown;
  if (error?.killed === true) return `it did not load within ${TIMEOUT_MS / 1000} s`;
  if (error?.signal) return `the process that loaded it ended with ${error.signal}`;
  return stderr.trim().split('\n').at(-1) || error?.message || 'it printed nothing';
}

/** Names of the shared libraries that libtensorflow's log reports as not opened, each once. */
export function missingLibraries(log: string): readonly string[] {
  return [...new Set([...log.matchAll(/Could not load dynamic library '([^']+)'/g)].map((match) => match[1]!))];
}
