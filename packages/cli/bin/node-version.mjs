import { readFileSync } from 'node:fs';

// Read by versions of Node that are too old for the rest: nothing newer than ES2020, and nothing imported but what every version has.

/** Numbers of a version such as `v20.19.0`. */
const numbersOf = (version) =>
  version
    .replace(/^\D+/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);

/** Whether a version is at least another. */
function isFrom(version, least) {
  const [a, b] = [numbersOf(version), numbersOf(least)];
  const at = [0, 1, 2].find((index) => a[index] !== b[index]);
  return at === undefined || a[at] > b[at];
}

/** Whether a version is in a range of `^x.y.z` and `>=x.y.z` joined by `||`. */
function isIn(version, range) {
  return range.split('||').some((part) => {
    const least = part.trim();
    if (!isFrom(version, least)) return false;
    return !least.startsWith('^') || numbersOf(version)[0] === numbersOf(least)[0];
  });
}

/** What to tell somebody whose Node is too old; null where it is not. */
export function nodeProblem(version) {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const range = manifest.engines.node;
  if (isIn(version, range)) return null;
  return (
    `DMX_CLI_NODE  Node ${version} cannot run dinomix\n` +
    `  why  It needs Node ${range}.\n` +
    '  fix  Install Node 22 or 24 from https://nodejs.org.\n'
  );
}
