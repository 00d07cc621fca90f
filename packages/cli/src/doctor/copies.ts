import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InstalledPackage, Packages } from '../packages.js';
import type { Finding } from './finding.js';

/** Packages of which a second copy splits the program: tensors or hooks of one are unknown to the other. */
const SINGLE = ['@dinomix/core', '@tensorflow/tfjs-core'] as const;

/** Where a package is found from the project, its plugins and this command, one entry for each place. */
function copiesOf(name: string, packages: Packages): readonly (InstalledPackage & { readonly usedBy: string[] })[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const users = [
    { user: 'the project', from: packages.folder },
    { user: 'the dinomix command', from: here },
    ...packages.plugins().map((plugin) => ({ user: plugin.name, from: plugin.folder })),
  ];
  const copies = new Map<string, InstalledPackage & { readonly usedBy: string[] }>();
  for (const { user, from } of users) {
    const found = packages.find(name, from);
    if (found === null) continue;
    const known = copies.get(found.folder);
    if (known === undefined) copies.set(found.folder, { ...found, usedBy: [user] });
    else known.usedBy.push(user);
  }
  return [...copies.values()];
}

/** Looks for second copies of packages that must be single. */
export function checkCopies(packages: Packages): readonly Finding[] {
  return SINGLE.map((name) => {
    const copies = copiesOf(name, packages);
    if (copies.length === 0) return { check: name, state: 'note', note: `not installed for ${packages.folder}` };
    if (copies.length === 1) return { check: name, state: 'good', note: `one copy, ${copies[0]!.version}` };
    const places = copies.map(({ version, folder, usedBy }) => `${version} in ${folder} (for ${usedBy.join(', ')})`);
    return {
      check: name,
      state: 'warning',
      note: `${copies.length} copies: ${places.join('; ')}`,
      fix: `Bring the versions together: npm dedupe, or pnpm dedupe; "npm ls ${name}" shows who asks for which.`,
    };
  });
}
