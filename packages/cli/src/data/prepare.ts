import type { PreparationReport, PreparedEntry } from '@dinomix/trainer';
import { type CommandContext, type ConfigOptions, tell, type WorkerOptions } from '../command.js';
import { EXIT } from '../failure.js';
import { counted } from '../text.js';
import { createCaseProgress } from './case-progress.js';
import { withDataset } from './with-dataset.js';

/** Options of `dinomix data prepare`. */
export interface PrepareOptions extends ConfigOptions, WorkerOptions {
  readonly keepGoing?: boolean;
}

function textOf({ cases, folder }: PreparationReport): string {
  const count = (state: PreparedEntry['state']) => cases.filter((entry) => entry.state === state).length;
  const parts = [
    `${counted(count('made'), 'case')} prepared`,
    `${count('kept')} there already`,
    `${count('changed')} prepared again because a file changed`,
    `${count('failed')} left out`,
  ];
  return `${parts.join(', ')}: ${folder}`;
}

/** Prepares the data set of a config. @returns the exit code: 1 where cases were left out. */
export async function prepareData(context: CommandContext, options: PrepareOptions): Promise<number> {
  const { prepareDataset } = await import('@dinomix/trainer');
  const progress = createCaseProgress(context.terminal);
  const report = await withDataset(context, options, (dataset) =>
    prepareDataset(dataset, {
      workers: options.workers,
      keepGoing: options.keepGoing === true,
      signal: context.signal,
      onCase: ({ caseId, role, state, reason }, done, total) => {
        progress.advance(caseId, done, total);
        if (state === 'changed') progress.print(`${caseId} (${role}): a file changed since it was prepared`);
        if (state === 'failed') progress.print(`${caseId} (${role}) is left out: ${reason}`);
      },
    }),
  ).finally(progress.clear);
  tell(context, options, report, () => textOf(report));
  return report.cases.some(({ state }) => state === 'failed') ? EXIT.failed : EXIT.done;
}
