// Packs every public package and lints what a user would install: publint for the manifest, attw for the types.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pnpm, root } from './pnpm.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'dinomix-pack-'));
const failures = [];

function run(tool, args) {
  const done = spawnSync(process.execPath, [join(root, 'node_modules', tool), ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (done.status !== 0) failures.push(`${tool} ${args.join(' ')}\n${done.stdout}${done.stderr}`);
}

const folders = ['packages', 'plugins']
  .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
  .filter((folder) => existsSync(join(folder, 'package.json')));

for (const folder of folders) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (manifest.private) continue;
  const before = new Set(readdirSync(scratch));
  if (pnpm(['pack', '--pack-destination', scratch], { cwd: folder, stdio: 'ignore' }) !== 0) {
    failures.push(`pnpm pack failed in ${folder}`);
    continue;
  }
  const tarball = readdirSync(scratch).find((name) => !before.has(name));
  if (!tarball) {
    failures.push(`pnpm pack wrote nothing in ${folder}`);
    continue;
  }
  run('publint/src/cli.js', ['run', join(scratch, tarball), '--strict']);
  run('@arethetypeswrong/cli/dist/index.js', [join(scratch, tarball), '--profile', 'esm-only']);
}

rmSync(scratch, { recursive: true, force: true });
if (failures.length > 0) {
  console.error(failures.join('\n'));
  process.exit(1);
}
console.log(`${folders.length} packages packed and checked`);
