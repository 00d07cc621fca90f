import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { createRng, openSealed, type Rng } from '@dinomix/volume';
import { COMMAND } from '../support/command.js';
import { createFolder, createMaterial, type Material } from './project.js';
import { type Subject, subjectsOf } from './subjects.js';

const PRELOAD = fileURLToPath(new URL('kill-at.cjs', import.meta.url));
/** A command that hangs is a fault, ms. */
const LONGEST = 180_000;

/** When a command is killed. */
type Moment =
  | { readonly kind: 'time'; readonly milliseconds: number }
  /** In the nth operation of a thread that changes files. */
  | { readonly kind: 'operation'; readonly thread: number; readonly number: number };

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly err: string;
  readonly milliseconds: number;
}

/** How a command runs when nobody disturbs it. */
interface Undisturbed {
  readonly subject: Subject;
  readonly milliseconds: number;
  /** Operations that change files, by thread. */
  readonly operations: ReadonlyMap<number, number>;
  /** sha256 of the results by path. */
  readonly results: ReadonlyMap<string, string>;
}

function run(
  folder: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  killAfter?: number,
): Promise<Ended> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: `--require ${PRELOAD}`, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfter ?? LONGEST);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, err, milliseconds: performance.now() - started });
    });
  });
}

const KEPT_OUT = /^(node_modules|dinomix\.config\.mjs)$/;

/** Paths of all files below a folder. */
async function filesIn(folder: string, below = folder): Promise<readonly string[]> {
  const entries = await readdir(below, { withFileTypes: true });
  const nested = entries.map(async (entry): Promise<readonly string[]> => {
    const path = join(below, entry.name);
    if (KEPT_OUT.test(entry.name)) return [];
    return entry.isDirectory() ? filesIn(folder, path) : [relative(folder, path)];
  });
  return (await Promise.all(nested)).flat().sort();
}

/** sha256 of a file; what an evaluation says of the time that it took is no result. */
async function digestOf(path: string): Promise<string> {
  const bytes = await readFile(path);
  const isEvaluation = /evaluation-\w+\.json$/.test(path);
  const content = isEvaluation ? bytes.toString('utf8').replaceAll(/"seconds": [\d.e-]+/g, '') : bytes;
  return createHash('sha256').update(content).digest('hex');
}

async function resultsIn(folder: string, { results }: Subject): Promise<ReadonlyMap<string, string>> {
  const names = (await filesIn(folder)).filter((name) => results.test(name) && !isTemporary(name));
  return new Map(await Promise.all(names.map(async (name) => [name, await digestOf(join(folder, name))] as const)));
}

const isTemporary = (name: string): boolean => /^\..*\.tmp(\.\w+)?$/.test(basename(name));

async function readWhole(path: string): Promise<void> {
  const file = await openSealed(path);
  try {
    for (const name of file.entries.keys()) await file.read(name);
  } finally {
    await file.close();
  }
}

/** Throws where a file is not whole, by its own format. */
const CHECKS: readonly (readonly [RegExp, (path: string) => Promise<unknown>])[] = [
  [/\.json$/, async (path) => JSON.parse(await readFile(path, 'utf8'))],
  [/\.lock$/, async (path) => JSON.parse(await readFile(path, 'utf8'))],
  [/\.safetensors$/, readWhole],
  [/\.nii\.gz$/, async (path) => gunzipSync(await readFile(path))],
  [
    /\.html$/,
    async (path) => {
      if (!(await readFile(path, 'utf8')).trimEnd().endsWith('</html>')) throw new Error('it has no end');
    },
  ],
];

/** Files under their final names that are not whole: what a kill must never leave. */
async function tornFiles(folder: string, { results }: Undisturbed): Promise<readonly string[]> {
  const torn: string[] = [];
  for (const name of await filesIn(folder)) {
    if (isTemporary(name)) continue;
    const check = CHECKS.find(([ending]) => ending.test(name))?.[1];
    const problem = await check?.(join(folder, name)).then(
      () => null,
      (thrown: Error) => thrown.message,
    );
    if (problem != null) torn.push(`${name}: ${problem}`);
    // Those files have one content, from their first appearance on.
    const digest = /\.onnx$/.test(name) ? await digestOf(join(folder, name)) : null;
    if (digest !== null && results.has(name) && results.get(name) !== digest) torn.push(`${name}: other bytes`);
  }
  return torn;
}

async function undisturbed(subject: Subject, folder: string): Promise<Undisturbed> {
  const counts = `${folder}-count`;
  const { code, err, milliseconds } = await run(folder, subject.next(folder)!, { KILL_COUNT: counts });
  if (code !== 0) throw new Error(`${subject.name} fails undisturbed with ${code}: ${err}`);
  const operations = new Map<number, number>();
  for (const name of await readdir(join(counts, '..'))) {
    const [, thread] = name.startsWith(`${basename(counts)}.`) ? name.split('count.') : [];
    if (thread !== undefined) operations.set(Number(thread), (await stat(join(counts, '..', name))).size);
  }
  return { subject, milliseconds, operations, results: await resultsIn(folder, subject) };
}

function drawMoment(rng: Rng, { milliseconds, operations }: Undisturbed): Moment {
  const all = [...operations].flatMap(([thread, count]) =>
    Array.from({ length: count }, (_, index) => ({ thread, number: index + 1 })),
  );
  if (rng.uniform() < 0.5) return { kind: 'operation', ...all[rng.integer(0, all.length)]! };
  return { kind: 'time', milliseconds: milliseconds * rng.uniform() };
}

/** One command, killed once or twice, and gone on with to its end. @returns what is wrong afterwards. */
async function disturb(
  whole: Undisturbed,
  folder: string,
  rng: Rng,
): Promise<{ kills: number; faults: readonly string[] }> {
  const { subject } = whole;
  await subject.prepare?.(folder);
  let kills = 0;
  const faults: string[] = [];
  const moments = Array.from({ length: rng.uniform() < 0.3 ? 2 : 1 }, () => drawMoment(rng, whole));
  for (const moment of moments) {
    const args = subject.next(folder);
    if (args === null) break;
    const told = moment.kind === 'time' ? {} : { KILL_AT: `${moment.thread}:${moment.number}` };
    const ended = await run(folder, args, told, moment.kind === 'time' ? moment.milliseconds : undefined);
    if (ended.signal === 'SIGKILL') kills++;
    else if (ended.code !== 0) faults.push(`"${args.join(' ')}" ended with ${ended.code}: ${ended.err}`);
    for (const torn of await tornFiles(folder, whole)) faults.push(`torn after ${JSON.stringify(moment)}: ${torn}`);
  }
  const args = subject.next(folder);
  const last = args === null ? null : await run(folder, args, {});
  if (last !== null && last.code !== 0) faults.push(`"${args!.join(' ')}" ended with ${last.code}: ${last.err}`);
  faults.push(...(await differences(whole, folder, last !== null)));
  return {
    kills,
    faults: faults.map((fault) => `${subject.name} (${moments.map((one) => JSON.stringify(one))}): ${fault}`),
  };
}

async function differences(whole: Undisturbed, folder: string, isSwept: boolean): Promise<readonly string[]> {
  const found = await resultsIn(folder, whole.subject);
  const names = new Set([...whole.results.keys(), ...found.keys()]);
  const other = [...names].filter((name) => whole.results.get(name) !== found.get(name));
  const left = isSwept ? (await filesIn(folder)).filter((name) => isTemporary(name) || name.endsWith('.lock')) : [];
  return [...other.map((name) => `${name} is another`), ...left.map((name) => `${name} is left`)];
}

/** What a campaign found. */
export interface CampaignReport {
  /** Commands that a kill met while they ran. */
  readonly kills: number;
  /** By name of the command. */
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  /** Where everything lies, for a look at what went wrong; removed where nothing did. */
  readonly root: string;
}

function draw(subjects: readonly Undisturbed[], rng: Rng): Undisturbed {
  let place = rng.uniform();
  for (const one of subjects) {
    place -= one.subject.share;
    if (place < 0) return one;
  }
  return subjects[0]!;
}

async function runCampaign(material: Material, kills: number, seed: number): Promise<CampaignReport> {
  const trained = await createFolder(material);
  const subjects: Undisturbed[] = [];
  for (const subject of subjectsOf(material, trained)) {
    const own = subject.name === 'train' || subject.name === 'export' ? trained : await createFolder(material);
    if (own !== trained) await subject.prepare?.(own);
    subjects.push(await undisturbed(subject, own));
  }
  const counts: Record<string, number> = {};
  const faults: string[] = [];
  let done = 0;
  for (let attempt = 0; done < kills; attempt++) {
    const rng = createRng({ seed, stream: 'kills', step: attempt });
    // Each command once, then by their shares.
    const whole = subjects[attempt] ?? draw(subjects, rng);
    const folder = await createFolder(material);
    const { kills: met, faults: found } = await disturb(whole, folder, rng);
    done += met;
    counts[whole.subject.name] = (counts[whole.subject.name] ?? 0) + met;
    faults.push(...found.map((fault) => `attempt ${attempt}: ${fault}`));
    if (found.length === 0) await rm(folder, { recursive: true });
  }
  return { kills: done, counts, faults, root: material.root };
}

/**
 * Kills commands at random moments, goes on as a person would, and compares what is there with an undisturbed command.
 * @param kills - how many commands are killed while they run.
 * @param seed - decides which, and at which operations or shares of their time.
 */
export async function killCampaign(kills: number, seed: number): Promise<CampaignReport> {
  const material = await createMaterial();
  const report = await runCampaign(material, kills, seed);
  // What went wrong may be looked at.
  if (report.faults.length === 0) await rm(material.root, { recursive: true });
  return report;
}
