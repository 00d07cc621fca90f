import type { Command } from 'commander';
import { addConfig, type CommandContext, type ConfigOptions, createCommand, tell } from '../command.js';
import type { CommandResult } from '../command-result.js';
import { openConfig } from '../config.js';
import { describeBackends, judgeBackends } from '../doctor/backends.js';
import { checkCopies } from '../doctor/copies.js';
import type { Finding } from '../doctor/finding.js';
import { checkNode, describeMachine } from '../doctor/node.js';
import { checkTelemetry } from '../doctor/telemetry.js';
import { EXIT } from '../failure.js';
import { counted, wrap } from '../text.js';

const MARK = { good: 'ok', note: '-', warning: 'WARN', error: 'FAIL' } as const;

const WIDTH = 110;

function render(findings: readonly Finding[]): string {
  const widest = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, state, note }) => {
    const head = `${MARK[state].padEnd(4)}  ${check.padEnd(widest)}  `;
    return head + wrap(note, WIDTH - head.length, ' '.repeat(head.length));
  });
  const fixes = findings.flatMap(({ check, fix }) => (fix === undefined ? [] : [`fix  ${check.trim()}: ${fix}`]));
  const bad = findings.filter(({ state }) => state === 'error').length;
  const doubtful = findings.filter(({ state }) => state === 'warning').length;
  const verdict =
    bad + doubtful === 0 ? 'Nothing is wrong.' : `${counted(bad, 'error')}, ${counted(doubtful, 'warning')}.`;
  return [...lines, ...(fixes.length > 0 ? ['', ...fixes] : []), '', verdict].join('\n');
}

/** The config, where one was named: it must load, and its plugins must fit. */
async function checkConfig(context: CommandContext, options: ConfigOptions): Promise<readonly Finding[]> {
  if (options.config === undefined) return [];
  const { loaded, host } = await openConfig(context, options);
  await host.dispose();
  return [{ check: 'config', state: 'good', note: `${loaded.file} is valid` }];
}

/** `dinomix doctor`. */
export function doctorCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const command = createCommand('doctor', 'look at Node, packages and devices, and say what is missing');
  return addConfig(command).action(async (options: ConfigOptions) => {
    const backends = await describeBackends(context);
    const findings = [
      checkNode(process.versions.node),
      describeMachine(),
      checkTelemetry(process.env.ORT_DISABLE_TELEMETRY),
      ...checkCopies(context.packages),
      ...judgeBackends(backends, context.packages.folder, options.verbose === true),
      ...(await checkConfig(context, options)),
    ];
    const healthy = findings.every(({ state }) => state !== 'error');
    tell(context, options, { healthy, findings, backends }, () => render(findings));
    finish(healthy ? EXIT.done : EXIT.failed);
  });
}
