import type { Explanation } from '@dinomix/core';
import type { Command } from 'commander';
import { addConfig, type CommandContext, type ConfigOptions, createCommand, tell } from '../command.js';
import { openConfig } from '../config.js';
import { columns } from '../text.js';

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
  return addConfig(command).action(async (options: ConfigOptions) => {
    const { host } = await openConfig(context, options);
    try {
      const explanation = host.explain();
      tell(context, options, explanation, () => render(explanation));
    } finally {
      await host.dispose();
    }
  });
}
