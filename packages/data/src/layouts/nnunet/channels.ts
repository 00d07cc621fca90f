import type { DataProblem } from '@dinomix/core';
import { warningOf } from '../../check/problems.js';

type Complain = (message: string, fix: string) => void;

// Words for a CT whose intensities are HU. Cone beams and fused images are not.
const CT_WORDS = new Set(['CT', 'CTA', 'CTP', 'CECT', 'NCCT', 'NECT', 'LDCT', 'HRCT']);
const OTHER_WORDS = new Set(['PET', 'SPECT', 'MR', 'MRI', 'CBCT', 'SYNTHETIC', 'PSEUDO', 'MASK', 'LABEL', 'PRIOR']);

/** Whether the name of a channel says that it is a CT in HU. */
export function isCtName(name: string): boolean {
  const words = name.toUpperCase().split(/[^A-Z]+/);
  return words.some((word) => CT_WORDS.has(word)) && !words.some((word) => OTHER_WORDS.has(word));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The names as they should be written, where it can be told what was meant. */
function rewritten(value: unknown): string {
  let names: readonly unknown[] = [];
  if (typeof value === 'string' || Array.isArray(value)) names = [value].flat();
  else if (isRecord(value) && Object.values(value).every((item) => typeof item === 'number')) {
    names = Object.keys(value).sort((a, b) => (value[a] as number) - (value[b] as number));
  }
  const isUsable = names.length > 0 && names.every((name) => typeof name === 'string' && name !== '');
  const numbered = Object.fromEntries((isUsable ? names : ['CT']).map((name, index) => [String(index), name]));
  return JSON.stringify(numbered);
}

/** Reads the names of the channels, in their order, or complains. */
export function readChannels(key: string, value: unknown, complain: Complain): readonly string[] {
  const names: readonly unknown[] = isRecord(value)
    ? Object.keys(value).map((_, index) => value[String(index)])
    : [undefined];
  if (names.length > 0 && names.every((name): name is string => typeof name === 'string' && name.trim() !== ''))
    return names;
  const message = `"${key}" is ${JSON.stringify(value)}, which gives no name for each of the numbers 0, 1, ...`;
  complain(message, `write "${key}": ${rewritten(value)}`);
  return [];
}

/** What of the channels one should know before the images of one of them are read. */
export function channelProblems(
  channels: readonly string[],
  channel: number,
  hasWindow: boolean,
  file: string,
): DataProblem[] {
  if (channels.length === 0) return [];
  const list = channels.map((name, index) => `${index} "${name}"`).join(', ');
  const name = channels[channel];
  if (name === undefined) {
    const message = `names the channels ${list}; the option "channel" is ${channel}, of which it is not known whether it is a CT`;
    return [warningOf({ file, message, fix: 'name the channel there, or choose another' })];
  }
  const problems: DataProblem[] = [];
  if (channels.length > 1) {
    const message = `names the channels ${list}; only channel ${channel} is read`;
    const fix = 'choose it by the option "channel": networks take one';
    problems.push(warningOf({ file, message, fix }));
  }
  if (name.trim().toUpperCase() !== 'CT' && isCtName(name) && !hasWindow) {
    const message = `channel ${channel} is "${name}", which is taken for a CT in HU: intensities are clipped to a window of HU`;
    const fix = 'name it "CT", or set the option "window" to [low, high] or "percentiles"';
    problems.push(warningOf({ file, message, fix }));
  }
  return problems;
}
