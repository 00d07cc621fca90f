import type { Explanation } from '@dinomix/core';
import type { Command } from 'commander';
import { addConfig, type CommandContext, type ConfigOptions, createCommand, tell } from '../command.js';
import { openConfig } from '../config.js';
import { explainMemory, memoryText } from '../memory/explain-memory.js';
import { columns } from '../text.js';

interface ExplainOptions extends ConfigOptions {
  readonly memory?: boolean;
}

function render(explanation: Explanation): string {
  const { file, configHash, config, slots, hooks, idle } = explanation;
  const values = config.map(({ path, value, origin }) => [path, JSON.stringify(value), origin]);
  const taps = Object.entries(hooks).map(([hook, entries]) => [hook, entries.map(({ tap }) => tap).join(' -> ')]);
  return [
    `config  ${file}`,
    `hash    ${configHash}`,
    '',
    'slots',
    columns(slots.map(({ slot, id, plugin, origin }) => [slot, id, plugin, origin])),
    '',
    'hooks',
    taps.length > 0 ? columns(taps) : '  no taps',
    '',
    'values and where they come from',
    columns(values),
    ...(idle.length > 0 ? ['', `loaded and not in use: ${idle.join(', ')}`] : []),
  ].join('\n');
}

/** `dinomix explain`. */
export function explainCommand(context: CommandContext): Command {
  const command = createCommand('explain', 'show the final config with the origin of every value, the slots and hooks');
  addConfig(command).option('--memory', 'instead: the memory that a training is expected to take, with its parts');
  return command.action(async (options: ExplainOptions) => {
    if (options.memory === true) {
      const memory = await explainMemory(context, options);
      tell(context, options, memory, () => memoryText(memory));
      return;
    }
    const { host } = await openConfig(context, options);
    try {
      const explanation = host.explain();
      tell(context, options, explanation, () => render(explanation));
    } finally {
      await host.dispose();
    }
  });
}
