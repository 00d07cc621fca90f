import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const command = fileURLToPath(new URL('../bin/dinomix.mjs', import.meta.url));

/** Runs the command in a Node that says it is another version. */
function runAs(version: string, ...args: readonly string[]) {
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
  const preload = `data:text/javascript,${encodeURIComponent(versions)}`;
  return spawnSync(process.execPath, ['--import', preload, command, ...args], { encoding: 'utf8' });
}

it.each([
  ['18.20.4', 2],
  ['20.18.3', 2],
  ['21.7.0', 2],
  ['22.11.0', 2],
  ['20.19.0', 0],
  ['22.12.0', 0],
  ['24.0.0', 0],
])('Node %s ends with %i', (version, status) => {
  const ended = runAs(version, status === 0 ? '--version' : 'doctor');
  expect(ended.status, ended.stderr).toBe(status);
  if (status === 0) return;
  expect(ended.stdout).toBe('');
  expect(ended.stderr).toMatch(
    new RegExp(`^DMX_CLI_NODE {2}Node ${version.replaceAll('.', '\\.')} cannot run dinomix\n`),
  );
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(3);
});
