import { Command } from 'commander';
import type { CommandContext } from '../../command.js';
import { cacheCommand } from './cache.js';
import { convertCommand } from './convert.js';
import { fetchCommand } from './fetch.js';
import { showCommand } from './show.js';

/** `dinomix teacher`. */
export function teacherCommand(context: CommandContext): Command {
  const command = new Command('teacher').description('prepare outside teachers');
  command.addCommand(fetchCommand(context));
  command.addCommand(cacheCommand(context));
  command.addCommand(convertCommand(context));
  command.addCommand(showCommand(context));
  return command;
}
