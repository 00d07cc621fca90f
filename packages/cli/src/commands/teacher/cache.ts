import { resolve } from 'node:path';
import { byteSize, type TeacherCachePlan } from '@dinomix/core';
import type { TeacherCacheReport } from '@dinomix/trainer';
import type { Command } from 'commander';
import {
  addConfig,
  addWorkers,
  type CommandContext,
  type ConfigOptions,
  createCommand,
  tell,
  type WorkerOptions,
} from '../../command.js';
import { openConfig } from '../../config.js';
import { createStatusLine, type StatusLine } from '../../terminal.js';
import { columns, counted, duration } from '../../text.js';
import { newRunFolder } from '../../train/run-folder.js';

interface CacheOptions extends ConfigOptions, WorkerOptions {
  readonly dryRun?: boolean;
  readonly out?: string;
}

function planText(key: string, workers: number, plan: TeacherCachePlan): string {
  const { cases, present, shape, bytesPerVolume, secondsPerVolume, bytes, seconds } = plan;
  const missing = cases.length - present.length;
  const each = `${byteSize(bytesPerVolume)} and ${secondsPerVolume.toFixed(2)} s with ${counted(workers, 'worker')}`;
  return [
    `${key} (${plan.provenance})`,
    columns([
      ['folder', plan.directory],
      ['cases', `${cases.length}, ${present.length} of them there already`],
      ...(shape === null ? [] : [['each', `${each}, judged by one of ${shape.join('x')} voxels`]]),
      [
        'size',
        `about ${byteSize(bytes)} of ${byteSize(plan.limitBytes)} that the option "limitGb" allows; free ${byteSize(plan.freeBytes)}`,
      ],
      ['time', missing === 0 ? 'none' : `about ${duration(seconds)}`],
    ]),
  ].join('\n');
}

/** Tells how far it is; the time that is left is judged by the cases that were computed. */
function createProgress(line: StatusLine): (caseId: string, computed: boolean, done: number, total: number) => void {
  let [computedCases, since] = [0, performance.now()];
  return (caseId, computed, done, total) => {
    if (computed) computedCases++;
    else if (computedCases === 0) since = performance.now();
    const left = ((performance.now() - since) / 1000 / Math.max(1, computedCases)) * (total - done);
    const time = computedCases === 0 ? '' : `, ${duration(left)} left`;
    line.draw(`case ${done} of ${total}: ${caseId}${time}`);
  };
}

function reportText({ teacher, plan, kept, computed, seconds }: TeacherCacheReport): string {
  return `${teacher}: ${counted(computed, 'case')} computed, ${kept} there already, ${duration(seconds)}: ${plan.directory}`;
}

async function fillCaches(context: CommandContext, options: CacheOptions): Promise<void> {
  const { fillTeacherCaches } = await import('@dinomix/trainer');
  const { workers, out, dryRun = false } = options;
  const { loaded, host } = await openConfig(context, options);
  const line = createStatusLine(context.terminal);
  const advance = createProgress(line);
  try {
    const reports = await fillTeacherCaches({
      host,
      directory: out === undefined ? newRunFolder(host.config, loaded.file) : resolve(context.folder, out),
      workers,
      dryRun,
      signal: context.signal,
      onWait: line.print,
      onPlan: (key, plan) => {
        if (options.json !== true) context.terminal.out(`${planText(key, workers, plan)}\n`);
      },
      onCase: (caseId, state, done, total) => advance(caseId, state === 'computed', done, total),
    }).finally(line.clear);
    if (dryRun && options.json !== true) return;
    tell(context, options, reports, () => reports.map(reportText).join('\n'));
  } finally {
    await host.dispose();
  }
}

/** `dinomix teacher cache`. */
export function cacheCommand(context: CommandContext): Command {
  const text =
    'compute what the teacher of a config keeps of every volume, before a training; goes on where it was interrupted';
  return addWorkers(addConfig(createCommand('cache', text)))
    .option('--dry-run', 'print the size and the time that are planned, and compute nothing')
    .option('-o, --out <folder>', 'folder of the run that will train (default: <runs>/<name>-seed<seed>)')
    .action((options: CacheOptions) => fillCaches(context, options));
}
