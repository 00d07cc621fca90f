import { readFileSync } from 'node:fs';
import { arch, availableParallelism, platform, totalmem } from 'node:os';
import { satisfies } from '@dinomix/core';
import type { Finding } from './finding.js';

/** Node versions that the command works with, from its package.json. */
export function nodeRange(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly engines: { readonly node: string };
  };
  return manifest.engines.node;
}

/** Checks a version of Node, such as `20.19.0`. */
export function checkNode(version: string): Finding {
  const range = nodeRange();
  const check = 'Node';
  if (range.split('||').some((part) => satisfies(version, part.trim()))) {
    return { check, state: 'good', note: `${version}, in the range ${range}` };
  }
  const fix = 'Install Node 22 or 24 from https://nodejs.org.';
  return { check, state: 'error', note: `${version} is outside the range ${range}`, fix };
}

/** The machine, for bug reports. */
export function describeMachine(): Finding {
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  const note = `${platform()} ${arch()}, ${availableParallelism()} threads, ${memory} GiB of memory`;
  return { check: 'machine', state: 'note', note };
}
