import type { PreparationReport, PreparedEntry } from '@dinomix/data/prepare';
import { type CommandContext, type ConfigOptions, tell, type WorkerOptions } from '../command.js';
import { EXIT } from '../failure.js';
import { counted } from '../text.js';
import { createCaseProgress } from './case-progress.js';
import { withDataset } from './with-dataset.js';

/** Options of `dinomix data prepare`. */
export interface PrepareOptions extends ConfigOptions, WorkerOptions {
  readonly keepGoing?: boolean;
}

const LEFT_OUT: readonly PreparedEntry['state'][] = ['failed', 'absent'];

function textOfLeftOut({ caseId, role, file, reason, fix }: PreparedEntry): string {
  const why = [file, reason].filter((part) => part !== null).join(': ');
  return `${caseId} (${role ?? 'in no part of the split'}) is left out: ${why}${fix === null ? '' : `\n  fix  ${fix}`}`;
}

function textOf({ cases, folder }: PreparationReport): string {
  const count = (...states: PreparedEntry['state'][]) => cases.filter(({ state }) => states.includes(state)).length;
  const parts = [
    `${counted(count('made'), 'case')} prepared`,
    `${count('kept')} there already`,
    `${count('changed')} prepared again because a file changed`,
    `${count(...LEFT_OUT)} left out`,
  ];
  return `${parts.join(', ')}: ${folder}`;
}

/** Prepares the data set of a config. @returns the exit code: 1 where cases were left out. */
export async function prepareData(context: CommandContext, options: PrepareOptions): Promise<number> {
  const { prepareDataset } = await import('@dinomix/data/prepare');
  const progress = createCaseProgress(context.terminal);
  const report = await withDataset(context, options, (dataset) =>
    prepareDataset(dataset, {
      workers: options.workers,
      keepGoing: options.keepGoing === true,
      signal: context.signal,
      onWait: progress.print,
      onCase: (entry, done, total) => {
        const { caseId, role, state } = entry;
        progress.advance(caseId, done, total);
        if (state === 'changed') progress.print(`${caseId} (${role}): a file changed since it was prepared`);
        if (LEFT_OUT.includes(state)) progress.print(textOfLeftOut(entry));
      },
    }),
  ).finally(progress.clear);
  tell(context, options, report, () => textOf(report));
  return report.cases.some(({ state }) => LEFT_OUT.includes(state)) ? EXIT.failed : EXIT.done;
}
