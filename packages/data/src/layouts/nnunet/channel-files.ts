import { join } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { warningOf } from '../../check/problems.js';

/** Files of a part by case and channel. */
type ChannelFiles = ReadonlyMap<string, ReadonlyMap<number, string>>;

const NAMED_AT_MOST = 10;

function listed(ids: readonly string[]): string {
  return ids.slice(0, NAMED_AT_MOST).join(' ') + (ids.length > NAMED_AT_MOST ? ' ...' : '');
}

/** Channels that some cases have and others do not, and those that files and dataset.json do not have in common. */
export function channelGaps(parts: readonly ChannelFiles[], names: readonly string[], root: string): DataProblem[] {
  const cases = parts.flatMap((part) => [...part]);
  const found = [...new Set(cases.flatMap(([, files]) => [...files.keys()]))].sort((a, b) => a - b);
  const problems: DataProblem[] = [];
  for (const channel of found) {
    const without = cases.filter(([, files]) => !files.has(channel)).map(([id]) => id);
    if (without.length === 0) continue;
    const message = `channel ${channel} is there for ${cases.length - without.length} of ${cases.length} cases, and not for ${listed(without)}`;
    problems.push(warningOf({ file: root, message, fix: 'add the files, or take the channel away from all cases' }));
  }
  const file = join(root, 'dataset.json');
  if (names.length === 0 || found.length === 0) return problems;
  const unnamed = found.filter((channel) => channel >= names.length);
  if (unnamed.length > 0) {
    const message = `names ${names.length === 1 ? 'one channel' : `${names.length} channels`}; there are files of channel ${unnamed.join(', ')}`;
    problems.push(warningOf({ file, message, fix: 'name them there, or take the files out; they are not read' }));
  }
  const bare = names.map((name, channel) => ({ name, channel })).filter(({ channel }) => !found.includes(channel));
  if (bare.length > 0) {
    const message = `names channels of which there is no file: ${bare.map(({ name, channel }) => `${channel} "${name}"`).join(', ')}`;
    problems.push(warningOf({ file, message, fix: 'add the files, or take the names out' }));
  }
  return problems;
}
