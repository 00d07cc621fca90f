/** A command ends with an exit code of its own. */
export type CommandResult = number | undefined;
