import type { Command } from 'commander';
import type { CommandContext } from '../command.js';
import type { CommandResult } from '../command-result.js';
import { dataCommand } from './data.js';
import { doctorCommand } from './doctor.js';
import { evalCommand } from './eval.js';
import { explainCommand } from './explain.js';
import { exportCommand } from './export.js';
import { initCommand } from './init.js';
import { pluginsCommand } from './plugins.js';
import { predictCommand } from './predict.js';
import { reportCommand } from './report.js';
import { tableCommand } from './table.js';
import { teacherCommand } from './teacher/index.js';
import { resumeCommand, trainCommand } from './train.js';

/** Makes one sub-command; `finish` sets an exit code other than 0. */
type CreateCommand = (context: CommandContext, finish: (result: CommandResult) => void) => Command;

/** Every sub-command, in the order of the help. */
export const COMMANDS: readonly CreateCommand[] = [
  initCommand,
  dataCommand,
  trainCommand,
  resumeCommand,
  evalCommand,
  exportCommand,
  predictCommand,
  teacherCommand,
  reportCommand,
  tableCommand,
  explainCommand,
  pluginsCommand,
  doctorCommand,
];
