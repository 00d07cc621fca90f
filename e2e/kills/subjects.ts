import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Material } from './project.js';

/** A command that is killed, and how a person goes on after it. */
export interface Subject {
  readonly name: string;
  /** Share of the kills. */
  readonly share: number;
  /** Puts what the command needs into its folder. */
  readonly prepare?: (folder: string) => Promise<void>;
  /** Arguments for the present state of the folder; null where the work is done. */
  readonly next: (folder: string) => readonly string[] | null;
  /** Files that end with the bits of an undisturbed command, by path in the folder. */
  readonly results: RegExp;
}

/** @param trained - a folder in which `train` has ended. */
export function subjectsOf({ images, weights }: Material, trained: string): readonly Subject[] {
  const network = join(trained, 'run', 'network.onnx');
  const withRun = (folder: string) =>
    cp(join(trained, 'run'), join(folder, 'run'), { recursive: true, filter: (path) => path !== network });
  return [
    {
      name: 'train',
      share: 0.5,
      next: (folder) => (existsSync(join(folder, 'run', 'spec.json')) ? ['resume', 'run'] : ['train', '-o', 'run']),
      results: /^run\/(checkpoints|predictions)\/|^run\/evaluation-test\.json$|^(\.cache|prepared)\/.*\.safetensors$/,
    },
    {
      name: 'data prepare',
      share: 0.1,
      next: () => ['data', 'prepare', '--workers', '1'],
      results: /^prepared\/.*\.safetensors$/,
    },
    {
      name: 'teacher cache',
      share: 0.1,
      next: () => ['teacher', 'cache', '--workers', '0', '-o', 'run'],
      results: /^(\.cache|prepared)\/.*\.safetensors$/,
    },
    {
      name: 'teacher convert',
      share: 0.1,
      next: (folder) =>
        existsSync(join(folder, 'model.onnx')) ? null : ['teacher', 'convert', weights, '-o', 'model.onnx'],
      results: /^model\.onnx$/,
    },
    {
      name: 'export',
      share: 0.1,
      prepare: withRun,
      next: (folder) => (existsSync(join(folder, 'run', 'network.onnx')) ? null : ['export', 'run']),
      results: /^run\/network\.onnx$/,
    },
    {
      name: 'predict',
      share: 0.1,
      next: () => ['predict', images, '--network', network, '-o', 'out', '--force'],
      results: /^out\//,
    },
  ];
}
