import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pnpm } from '../../scripts/pnpm.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** An empty folder of a user, with tarballs of this workspace at hand. */
export interface UserFolder {
  readonly folder: string;
  /** Tarball by package name. */
  readonly tarballs: ReadonlyMap<string, string>;
  /** Runs a line of a shell there, with npm's cache and without downloads from outside npm. @throws when it fails. */
  shell(line: string): Promise<string>;
  remove(): Promise<void>;
}

async function pack(workspaceFolder: string, destination: string): Promise<readonly [name: string, tarball: string]> {
  const cwd = join(root, workspaceFolder);
  const { name } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8')) as { name: string };
  const before = new Set(await readdir(destination));
  const status = pnpm(['pack', '--pack-destination', destination], { cwd, stdio: 'ignore' });
  const tarball = (await readdir(destination)).find((file) => !before.has(file));
  if (status !== 0 || tarball === undefined) throw new Error(`pnpm pack failed in ${cwd}`);
  return [name, join(destination, tarball)];
}

/** Packs what `npm run build` built. @param workspaceFolders - such as `packages/core`. */
export async function createUserFolder(workspaceFolders: readonly string[]): Promise<UserFolder> {
  const packed = await mkdtemp(join(tmpdir(), 'dinomix-packed-'));
  const folder = await mkdtemp(join(tmpdir(), 'dinomix-user-'));
  const tarballs = new Map<string, string>();
  for (const workspaceFolder of workspaceFolders) tarballs.set(...(await pack(workspaceFolder, packed)));
  // Variables of the workspace's own npm would make the user's npm look here.
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|NODE_PATH|VITEST|NODE_ENV)/i.test(name));
  const env = { ...Object.fromEntries(own), ONNXRUNTIME_NODE_INSTALL: 'skip', npm_config_prefer_offline: 'true' };
  return {
    folder,
    tarballs,
    async shell(line) {
      const { stdout } = await run('sh', ['-c', line], { cwd: folder, env, maxBuffer: 2 ** 26 });
      return stdout;
    },
    async remove() {
      for (const path of [packed, folder]) await rm(path, { recursive: true, force: true });
    },
  };
}

/** The nth fenced block of a language in a Markdown text. */
export function fencedBlock(text: string, language: string, index = 0): string {
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))];
  const block = blocks[index]?.[1];
  if (block === undefined) throw new Error(`the text has no block ${index + 1} of ${language}`);
  return block;
}
