import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { holderOf, lockFolder } from './folder-lock.js';

const newLock = async () => join(await mkdtemp(join(tmpdir(), 'dinomix-lock-')), '.lock');
const refuse = { onBusy: () => expect.unreachable('nobody else is there') };
const ended = spawnSync(process.execPath, ['-e', '']).pid;

it('is held by one at a time; the others wait, and say so once', async () => {
  const file = await newLock();
  const order: string[] = [];
  const work = async (name: string) => {
    const unlock = await lockFolder(file, {
      onBusy: ({ pid }) => order.push(`${name} waits for ${pid === process.pid}`),
    });
    order.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    order.push(`${name} ends`);
    await unlock();
  };
  await Promise.all(['a', 'b', 'c'].map(work));
  expect(order.filter((line) => line.endsWith('waits for true'))).toHaveLength(2);
  const turns = order.filter((line) => !line.includes('waits')).map((line) => line.split(' ')[0]);
  expect(turns).toEqual([turns[0], turns[0], turns[2], turns[2], turns[4], turns[4]]);
  expect(await readdir(join(file, '..'))).toEqual([]);
});

it.each([
  ['of a process that has ended', { pid: ended, host: hostname(), began: '1' }],
  ['of a number that another process has now', { pid: process.pid, host: hostname(), began: '1' }],
  ['that is no lock', 'cut'],
])('%s is taken over', async (_, holder) => {
  const file = await newLock();
  await writeFile(file, JSON.stringify(holder));
  expect(await holderOf(file)).toBeNull();
  const unlock = await lockFolder(file, refuse);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() });
  await unlock();
  expect(await readdir(join(file, '..'))).toEqual([]);
});

it('of a living process, or of one on another machine, is respected', async () => {
  const file = await newLock();
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60_000)']);
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => null);
  const began = stat === null ? null : stat.split(') ').at(-1)!.split(' ')[19]!;
  const refused = new Error('in use');
  const onBusy = () => {
    throw refused;
  };
  try {
    await writeFile(file, JSON.stringify({ pid: child.pid, host: hostname(), began }));
    await expect(lockFolder(file, { onBusy })).rejects.toBe(refused);
    const stop = new AbortController();
    const waiting = lockFolder(file, { onBusy: () => stop.abort(), signal: stop.signal });
    await expect(waiting).rejects.toThrow('aborted');
  } finally {
    child.kill();
  }
  await writeFile(file, JSON.stringify({ pid: ended, host: `not ${hostname()}`, began: '1' }));
  await expect(lockFolder(file, { onBusy })).rejects.toBe(refused);
});
