import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import type { VolumeError } from '../src/errors.js';

/** Returns the path of a file under fixtures/, all made by make-fixtures.py. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/** Returns the content of a JSON fixture; the caller states its type, which is that of make-fixtures.py. */
export async function readFixture<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(fixturePath(name), 'utf8')) as T;
}

/** Returns a function that gives paths in a folder of this test file's own, removed afterwards. */
export async function temporaryFolder(): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), 'dinomix-volume-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

/** Returns the mask that a string of 0 and 1 stands for. */
export function maskOf(bits: string): Uint8Array {
  return Uint8Array.from(bits, Number);
}

/** Asserts that an action fails with a code and a message that has each part. */
export async function expectFailure(action: () => unknown, code: string, ...parts: string[]): Promise<void> {
  let failure: unknown;
  try {
    await action();
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(Error);
  expect((failure as VolumeError).code).toBe(code);
  for (const part of parts) expect((failure as VolumeError).message).toContain(part);
  expect((failure as VolumeError).fix.length).toBeGreaterThan(5);
}

/** Asserts that numbers agree to a relative or absolute tolerance. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs(actual[index]! - expected[index]!) / Math.max(1, Math.abs(expected[index]!));
    worst = Math.max(worst, difference);
  }
  expect(worst).toBeLessThanOrEqual(tolerance);
}
