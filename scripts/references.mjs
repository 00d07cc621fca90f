// Keeps the TypeScript project references equal to the workspace dependencies of each package.json.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const folders = ['packages', 'plugins']
  .flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`))
  .filter((folder) => existsSync(join(root, folder, 'package.json')) && existsSync(join(root, folder, 'src')));
const manifests = new Map(
  folders.map((folder) => [folder, JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))]),
);
const folderOf = new Map([...manifests].map(([folder, manifest]) => [manifest.name, folder]));

const stale = [];
function put(file, content) {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  const path = join(root, file);
  if (existsSync(path) && JSON.stringify(JSON.parse(readFileSync(path, 'utf8'))) === JSON.stringify(content)) return;
  if (check) stale.push(file);
  else writeFileSync(path, text);
}

for (const [folder, manifest] of manifests) {
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies });
  const references = [...new Set(names)]
    .filter((name) => folderOf.has(name))
    .sort()
    .map((name) => ({ path: relative(join(root, folder), join(root, folderOf.get(name))) }));
  put(`${folder}/tsconfig.json`, {
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' },
    include: ['src/**/*.ts'],
    exclude: ['src/**/*.test.ts'],
    references,
  });
}
put('tsconfig.json', { files: [], references: folders.sort().map((path) => ({ path })) });

if (stale.length > 0) {
  console.error(`TypeScript references are out of date:\n  ${stale.join('\n  ')}\nRun: node scripts/references.mjs`);
  process.exit(1);
}
