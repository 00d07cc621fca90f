import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDmxError } from '@dinomix/core';
import { hashJson } from '@dinomix/core/hash-json';
import { type NamedTensors, readSafetensors, writeSealed } from '@dinomix/volume';
import { describe, expect, it, vi } from 'vitest';
import { createCheckpoints, hasCheckpoints, readCheckpoint } from './checkpoints.js';
import type { CheckpointState } from './state.js';

// The file-system boundary: a test may let every write of a file fail as on a full disk.
const disk = vi.hoisted(() => ({ isFull: false }));
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const open: typeof original.open = async (...args) => {
    const handle = await original.open(...args);
    if (!disk.isFull || args[1] === 'r') return handle;
    handle.write = async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    };
    return handle;
  };
  return { ...original, open };
});

function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'dinomix-checkpoints-'));
}

function stateAt(step: number, size = 4): CheckpointState {
  const data = Float32Array.from({ length: size }, (_, index) => step + index / 8);
  return {
    run: { id: 'run', seed: 3, configHash: 'abc', dataDigest: 'def' },
    step,
    progress: {
      closedEpochs: 2,
      sums: { steps: 3, loss: 1 / 3, terms: {} },
      best: { value: 0.1, epoch: 2 },
      stopReason: null,
    },
    variables: new Map([
      ['student/net/filter', { shape: [2, size / 2], data }],
      ['optimizer/net/steps', { shape: [], data: Float32Array.of(step) }],
    ]),
    slots: {
      'weighter:dhc': { json: { calls: step }, arrays: { ema: { shape: [2], data: Float64Array.of(1 / 3, step) } } },
      'mixer:pic': { json: {}, arrays: { counts: { shape: [3], data: Uint32Array.of(1, 2, 4e9) } } },
    },
    plugins: {
      audit: {
        json: { log: { entries: ['a'] } },
        arrays: {
          seen: { shape: [2], data: Uint8Array.of(0, 255) },
          moves: { shape: [1], data: Int32Array.of(-7) },
        },
      },
    },
  };
}

describe('checkpoints', () => {
  it('give back what was saved, to the bit', async () => {
    const folder = join(await newFolder(), 'checkpoints');
    const checkpoints = createCheckpoints(folder, 2);
    expect(await hasCheckpoints(folder)).toBe(false);
    const path = await checkpoints.write(stateAt(12));
    expect(path).toBe(join(folder, 'checkpoint-00000012'));
    expect(await hasCheckpoints(folder)).toBe(true);
    expect((await checkpoints.readLatest(() => undefined))!.state).toEqual(stateAt(12));
    // A file that other tools read too.
    const file = await readSafetensors(`${path}.safetensors`);
    expect(file.metadata).toMatchObject({ run: 'run', step: '12' });
    expect(file.tensor('variable/student/net/filter')).toMatchObject({ dtype: 'F32', shape: [2, 2] });
  });

  it('keep the newest and the best, and nothing that a kill left behind', async () => {
    const folder = await newFolder();
    const checkpoints = createCheckpoints(folder, 2);
    await checkpoints.write(stateAt(1), true);
    for (const step of [2, 3]) await checkpoints.write(stateAt(step));
    await writeFile(join(folder, '.checkpoint-00000004.safetensors.1234.tmp'), 'half');
    await writeFile(join(folder, 'checkpoint-00000004.safetensors'), 'no JSON yet');
    await checkpoints.write(stateAt(5));
    const steps = async () => (await readdir(folder)).map((name) => name.slice(11));
    const both = (step: number) => [`0000000${step}.json`, `0000000${step}.safetensors`];
    expect(await steps()).toEqual([1, 3, 5].flatMap(both));
    expect((await checkpoints.read('best'))!.state.step).toBe(1);
    await checkpoints.write(stateAt(6), true);
    // Step 5 still says that step 1 is the best, and is what the run would go on from if step 6 were damaged.
    expect(await steps()).toEqual([1, 5, 6].flatMap(both));
    await checkpoints.write(stateAt(7));
    expect(await steps()).toEqual([6, 7].flatMap(both));
    expect((await checkpoints.read('best'))!.state.step).toBe(6);
  });

  it('say which is the best in the file that makes them a checkpoint: a kill before it leaves the best before', async () => {
    const folder = await newFolder();
    const checkpoints = createCheckpoints(folder, 2);
    await checkpoints.write(stateAt(1), true);
    await checkpoints.write(stateAt(2), true);
    // As a kill between the two files leaves it.
    await rm(join(folder, 'checkpoint-00000002.json'));
    expect((await checkpoints.read('best'))!.state.step).toBe(1);
    await checkpoints.write(stateAt(2), true);
    expect((await checkpoints.read('best'))!.state.step).toBe(2);
  });

  it('that are chosen are read, or refused by name: never another in their place', async () => {
    const folder = await newFolder();
    const checkpoints = createCheckpoints(folder, 2);
    expect(await checkpoints.read('best')).toBeNull();
    await checkpoints.write(stateAt(1));
    expect((await checkpoints.read('best'))!.state.step).toBe(1);
    await checkpoints.write(stateAt(2), true);
    await checkpoints.write(stateAt(3));
    await writeFile(join(folder, 'checkpoint-00000002.safetensors'), 'x');
    expect((await checkpoints.read('latest'))!.state.step).toBe(3);
    const refused = (step: number) => ({
      code: 'DMX_CHECKPOINT_READ',
      summary: `The checkpoint ${join(folder, `checkpoint-0000000${step}`)} cannot be read`,
    });
    await expect(checkpoints.read('best')).rejects.toMatchObject(refused(2));
    // It alone says which is the best.
    await writeFile(join(folder, 'checkpoint-00000003.json'), '{');
    await expect(checkpoints.read('best')).rejects.toMatchObject(refused(3));
    await expect(checkpoints.read('latest')).rejects.toMatchObject(refused(3));
  });

  it('pass over what cannot be read', async () => {
    const folder = await newFolder();
    const checkpoints = createCheckpoints(folder, 9);
    for (const step of [1, 2, 3, 4]) await checkpoints.write(stateAt(step));
    const json = join(folder, 'checkpoint-00000004.json');
    await writeFile(json, (await readFile(json, 'utf8')).slice(0, 40));
    await writeFile(
      join(folder, 'checkpoint-00000003.safetensors'),
      await readFile(join(folder, 'checkpoint-00000001.safetensors')),
    );
    const problems: string[] = [];
    const latest = await checkpoints.readLatest((problem) => problems.push(problem));
    expect(latest!.state.step).toBe(2);
    expect(problems[0]).toContain('checkpoint-00000004');
    expect(problems[1]).toContain('belongs to step 1 of run run');
  });

  it('are believed with the digest of all that they say, and with nothing that a run could not go on from', async () => {
    const folder = await newFolder();
    const path = await createCheckpoints(folder, 1).write(stateAt(8));
    const json = JSON.parse(await readFile(`${path}.json`, 'utf8'));
    const bytes = await readFile(`${path}.safetensors`);
    const reasonWith = async (content: object, reseal: boolean): Promise<string> => {
      const { sha256: _, ...rest } = content as { sha256: string };
      await writeFile(`${path}.json`, JSON.stringify(reseal ? { ...rest, sha256: hashJson(rest) } : content));
      return readCheckpoint(path).then(
        () => 'read',
        (thrown: { code: string; why: string }) => `${thrown.code} ${thrown.why}`,
      );
    };
    // The same content in other words is the same.
    expect(await reasonWith(json, false)).toBe('read');
    expect(await reasonWith({ ...json, progress: { ...json.progress, closedEpochs: 99 } }, false)).toContain('sha256');
    expect(await reasonWith({ ...json, best: 'checkpoint-00000001' }, false)).toContain('sha256');
    const { progress: _, ...withoutProgress } = json;
    expect(await reasonWith(withoutProgress, true)).toBe(
      'DMX_CHECKPOINT_READ progress: Invalid input: expected record, received undefined',
    );
    expect(await reasonWith({ ...json, progress: {} }, true)).toContain('closedEpochs');
    expect(await reasonWith(json, false)).toBe('read');
    // Any weight.
    for (const at of [bytes.length - 1, bytes.length - 40, 200]) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1;
      await writeFile(`${path}.safetensors`, flipped);
      expect(await reasonWith(json, false)).toMatch(/^DMX_CHECKPOINT_READ .*(sha256|header)/);
    }
    const tensors = (variable: object) => ({ 'variable/student/net/filter': variable }) as unknown as NamedTensors;
    for (const [variable, reason] of [
      [{ dtype: 'I32', shape: [1], data: Int32Array.of(1) }, 'is I32; weights are F32'],
      [{ dtype: 'F32', shape: [2], data: Float32Array.of(1, Number.NaN) }, 'has the value NaN at 1'],
    ] as const) {
      const sha256 = await writeSealed(`${path}.safetensors`, tensors(variable));
      expect(await reasonWith({ ...json, tensors: { ...json.tensors, sha256 } }, true)).toContain(reason);
    }
  });

  it('are not made of weights that are not finite', async () => {
    const folder = await newFolder();
    const state = stateAt(1);
    state.variables.get('student/net/filter')!.data[2] = Number.POSITIVE_INFINITY;
    const failure: unknown = await createCheckpoints(folder, 1)
      .write(state)
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({
      code: 'DMX_WEIGHTS_NOT_FINITE',
      summary: '"student/net/filter" became Infinity before step 1',
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

/** Fills the disk, tries to save, and looks at what is there afterwards. */
async function expectOldOneWhole(folder: string, size: number, fillDisk: () => void): Promise<void> {
  const checkpoints = createCheckpoints(folder, 5);
  await checkpoints.write(stateAt(1));
  const before = await readdir(folder);
  fillDisk();
  const failure: unknown = await checkpoints.write(stateAt(2, size)).catch((thrown: unknown) => thrown);
  expect(isDmxError(failure) && failure.code).toBe('DMX_CHECKPOINT_WRITE');
  expect((failure as Error).message).toContain('ENOSPC');
  expect((failure as Error).message).toContain('checkpoint-00000001, is whole');
  disk.isFull = false;
  expect(await readdir(folder)).toEqual(before);
  expect(await readCheckpoint(join(folder, 'checkpoint-00000001'))).toEqual(stateAt(1));
}

describe('a full disk', () => {
  it('leaves the old checkpoint whole (writes made to fail)', async () => {
    await expectOldOneWhole(await newFolder(), 4, () => {
      disk.isFull = true;
    });
  });

  it('leaves the old checkpoint whole (a real disk of 256 kB)', async (ctx) => {
    const folder = await newFolder();
    const mount = (command: string, args: string[]) => execFileSync(command, args, { stdio: 'pipe' });
    try {
      mount('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder]);
    } catch (thrown) {
      console.info(`skipped: a small disk cannot be mounted here (${(thrown as Error).message.trim()})`);
      return ctx.skip();
    }
    try {
      await mkdir(join(folder, 'checkpoints'));
      await expectOldOneWhole(join(folder, 'checkpoints'), 100_000, () => undefined);
      expect((await stat(folder)).isDirectory()).toBe(true);
    } finally {
      mount('umount', [folder]);
    }
  });
});
