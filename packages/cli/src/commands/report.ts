import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, createCommand, tell } from '../command.js';
import { counted } from '../text.js';

interface ReportOptions extends CommonOptions {
  readonly out?: string;
  readonly open?: boolean;
}

/** What `@dinomix/reporter-html` exports. */
type WriteReport = (request: { readonly runs: readonly string[]; readonly out: string }) => Promise<{
  readonly file: string;
  readonly runs: readonly {
    readonly directory: string;
    readonly name: string;
    readonly status: string;
    readonly events: number;
    readonly notes: readonly string[];
  }[];
}>;

const PACKAGE = '@dinomix/reporter-html';

/** Program that opens a file in the browser of the desktop. */
function openerOf(platform: NodeJS.Platform): readonly [command: string, ...args: string[]] {
  if (platform === 'darwin') return ['open'];
  return platform === 'win32' ? ['explorer.exe'] : ['xdg-open'];
}

/** Opens a file in the browser; where that is not possible, a line tells so. */
function openInBrowser({ terminal }: CommandContext, file: string): Promise<void> {
  const [command, ...args] = openerOf(process.platform);
  return new Promise((done) => {
    const child = spawn(command, [...args, file], { stdio: 'ignore', detached: true });
    child.once('error', () => {
      terminal.err(`no browser was opened: ${command} was not found\n`);
      done();
    });
    child.once('spawn', () => {
      child.unref();
      done();
    });
  });
}

async function report(context: CommandContext, folders: readonly string[], options: ReportOptions): Promise<void> {
  const module = await context.packages.load(PACKAGE, '"dinomix report"');
  const runs = folders.map((folder) => resolve(context.folder, folder));
  const name = runs.length === 1 ? resolve(runs[0]!, 'report.html') : 'comparison.html';
  const out = resolve(context.folder, options.out ?? name);
  const written = await (module.writeReport as WriteReport)({ runs, out });
  tell(context, options, written, () => {
    const lines = written.runs.flatMap(({ name, status, events, notes }) => [
      `${name}: ${status}, ${counted(events, 'event')}`,
      ...notes.map((note) => `  note: ${note}`),
    ]);
    return [...lines, written.file].join('\n');
  });
  if (options.open === true) await openInBrowser(context, written.file);
}

/** `dinomix report`. */
export function reportCommand(context: CommandContext): Command {
  return createCommand('report', 'make the page of a run again from its events, or compare several runs')
    .argument('<run...>', 'folders of runs; several are put side by side in one page')
    .option('-o, --out <file>', 'file to write (default: report.html in the run, comparison.html for several runs)')
    .option('--open', 'open the page in the browser')
    .action((folders: readonly string[], options: ReportOptions) => report(context, folders, options));
}
