import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFolder, createMaterial } from '../kills/project.js';
import { COMMAND, type Ended } from '../support/command.js';
import { createProject, fileOf } from '../support/small-project.js';

// The built engine, not its source.
const manifest = createRequire(import.meta.url).resolve('@dinomix/backend-onnxruntime/package.json');
const engine = join(dirname(manifest), 'dist', 'engine.js');
const onnxruntime = createRequire(engine).resolve('onnxruntime-node');

/** A home folder of its own and none of what hides the recording: `CI`, or a variable of the one who runs the tests. */
async function createHome() {
  const home = await mkdtemp(join(tmpdir(), 'dinomix-home-'));
  const { CI, ORT_DISABLE_TELEMETRY, XDG_CACHE_HOME, ...rest } = process.env;
  const run = (args: readonly string[], cwd: string): Promise<Ended> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, args, { cwd, env: { ...rest, HOME: home } });
      const written = { out: '', err: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        written.out += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        written.err += text;
      });
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, ...written }));
    });
  return { home, run, records: () => existsSync(join(home, '.cache', 'Microsoft')) };
}

const tensors = `
  import { createRequire } from 'node:module';
  const require = createRequire(${JSON.stringify(engine)});
  const { registerOnnxRuntime } = await import(${JSON.stringify(engine)});
  const tf = require('@tensorflow/tfjs-core');
  registerOnnxRuntime({});
  await tf.setBackend('onnxruntime');
  console.log(tf.sum(tf.ones([3])).dataSync()[0]);
`;

describe('telemetry', () => {
  it('is what ONNX Runtime records by itself: without this the other tests would show nothing', async () => {
    const { home, run, records } = await createHome();
    const program = `const ort = require(${JSON.stringify(onnxruntime)}); ort.InferenceSession.create(new Uint8Array(1)).catch(() => setTimeout(() => undefined, 2000));`;
    await run(['-e', program], home);
    expect(records()).toBe(true);
  });

  it('is off in the engine used alone', async () => {
    const { home, run, records } = await createHome();
    expect(await run(['--input-type=module', '-e', tensors], home)).toMatchObject({ code: 0, out: '3\n', err: '' });
    expect(records()).toBe(false);
  });

  it('is told of where the engine is loaded in a worker of a program that does not switch it off', async () => {
    const { home, run } = await createHome();
    await writeFile(join(home, 'worker.mjs'), tensors);
    const start = `new (require('node:worker_threads').Worker)('./worker.mjs');`;
    const { out, err } = await run(['-e', start], home);
    expect(out).toBe('3\n');
    expect(err).toMatch(/\[DMX_TELEMETRY\] Warning: .*ORT_DISABLE_TELEMETRY=1 before the program starts/);
  });

  it('is off in the commands of teachers, in the main thread and in others', async () => {
    const material = await createMaterial();
    onTestFinished(() => rm(material.root, { recursive: true, force: true }));
    const folder = await createFolder(material);
    const { run, records } = await createHome();
    for (const args of [
      ['convert', material.weights, '-o', 'model.onnx'],
      ['show', join(material.images, 'a.nii.gz'), '--model', 'model.onnx'],
      ['cache', '--workers', '0', '-o', 'run'],
      ['cache', '--workers', '2', '-o', 'others/run'],
    ]) {
      const ended = await run([COMMAND, 'teacher', ...args], folder);
      expect({ args, code: ended.code, err: ended.err }).toMatchObject({ code: 0 });
    }
    expect(records()).toBe(false);
  }, 300_000);

  it('is off in training, export, predict and doctor', async () => {
    const folder = await createProject({ train: 'epochs: 1, stepsPerEpoch: 2, validateEvery: 1' });
    const { run, records } = await createHome();
    const image = fileOf(folder, 'image', 'c');
    for (const args of [
      ['doctor'],
      ['train', '--out', 'run'],
      ['export', 'run'],
      ['predict', image, '--run', 'run', '--out', join(folder, 'c.nii.gz')],
    ]) {
      const ended = await run([COMMAND, ...args], folder);
      expect({ args, code: ended.code, err: ended.err }).toMatchObject({ code: 0 });
      if (args[0] === 'doctor') expect(ended.out).toMatch(/ok +telemetry +none/);
    }
    expect(records()).toBe(false);
  }, 300_000);
});
