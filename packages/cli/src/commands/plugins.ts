import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, createCommand, tell } from '../command.js';
import { columns } from '../text.js';

/** `dinomix plugins`. */
export function pluginsCommand(context: CommandContext): Command {
  const command = createCommand('plugins', 'list the plugins among the dependencies of the project');
  return command.action((options: CommonOptions) => {
    const { folder } = context.packages;
    const plugins = context.packages.plugins();
    const rows = plugins.map(({ name, version, provides }) => [provides.join(', '), name, version]);
    const none = `${folder} declares no plugin; find some with: npm search keywords:dinomix-plugin`;
    tell(context, options, { project: folder, plugins }, () => (rows.length > 0 ? columns(rows, '') : none));
  });
}
