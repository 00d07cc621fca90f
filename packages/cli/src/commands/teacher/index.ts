import { Command } from 'commander';
import type { CommandContext } from '../../command.js';
import { convertCommand } from './convert.js';

/** `dinomix teacher`. */
export function teacherCommand(context: CommandContext): Command {
  const command = new Command('teacher').description('prepare outside teachers');
  command.addCommand(convertCommand(context));
  return command;
}
