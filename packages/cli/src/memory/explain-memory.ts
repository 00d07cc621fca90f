import { byteSize, type MemoryEstimate, type MemoryRoom } from '@dinomix/core';
import type { WeighedLever } from '@dinomix/trainer';
import type { CommandContext, ConfigOptions } from '../command.js';
import { openConfig, openLoaded } from '../config.js';
import { cliError } from '../errors.js';
import { columns } from '../text.js';
import { newRunFolder } from '../train/run-folder.js';
import { memoryLines } from './memory-text.js';

/** The memory of a training that was not begun. */
export interface ExplainedMemory {
  readonly estimate: MemoryEstimate;
  readonly room: MemoryRoom;
  /** Settings that take less, the largest saving first. */
  readonly levers: readonly WeighedLever[];
}

/** Judges the memory of the config of a command. @throws DMX_CLI_MEMORY where its backend or a teacher cannot tell. */
export async function explainMemory(context: CommandContext, options: ConfigOptions): Promise<ExplainedMemory> {
  const { estimateMemory, memoryRoom, openBackend, weighLevers } = await import('@dinomix/trainer');
  const { loaded, host } = await openConfig(context, options);
  try {
    const session = await openBackend(host);
    const material = { host, session, directory: newRunFolder(host.config, loaded.file) };
    const estimate = await estimateMemory(material);
    if (estimate === null) throw cliError('DMX_CLI_MEMORY', { backend: session.name }, { phase: 'run' });
    const open = (more: readonly string[]) =>
      openLoaded(context, { ...loaded, overrides: [...loaded.overrides, ...more] });
    return { estimate, room: memoryRoom(), levers: await weighLevers(material, estimate.peak, open) };
  } finally {
    await host.dispose();
  }
}

const byBytes = (values: Readonly<Record<string, number>>) =>
  Object.entries(values)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => [name, byteSize(bytes)]);

/** The memory in lines for a person. */
export function memoryText({ estimate, room, levers }: ExplainedMemory): string {
  return [
    memoryLines(estimate, room),
    '',
    'at the peak',
    columns(byBytes(estimate.parts)),
    '',
    'at most, by what is under way; these take turns',
    columns(byBytes(estimate.phases)),
    ...(levers.length === 0
      ? []
      : [
          '',
          'what takes less, each by itself',
          columns(
            levers.map(({ overrides, saves, peak }) => [
              overrides.join(' '),
              `saves ${byteSize(saves)}`,
              byteSize(peak),
            ]),
          ),
        ]),
  ].join('\n');
}
