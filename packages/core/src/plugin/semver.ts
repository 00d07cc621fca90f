/** Major, minor, patch. Builds and pre-releases are compared as the release they lead to. */
type Version = readonly [major: number, minor: number, patch: number];

function parseVersion(text: string): Version | null {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(text.trim());
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** First version that `^base` refuses: the leftmost number that is not 0 may not change. */
function caretLimit([major, minor, patch]: Version): Version {
  if (major > 0) return [major + 1, 0, 0];
  return minor > 0 ? [0, minor + 1, 0] : [0, 0, patch + 1];
}

type Test = (version: Version) => boolean;

function parseComparator(text: string): Test | null {
  if (text === '*' || text === 'x') return () => true;
  const match = /^(\^|~|>=|<=|>|<|=)?\s*v?(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?$/.exec(text);
  if (match === null) return null;
  const number = (part: string | undefined) =>
    part === undefined || part === 'x' || part === '*' ? null : Number(part);
  const [minor, patch] = [number(match[3]), number(match[4])];
  const base: Version = [Number(match[2]), minor ?? 0, patch ?? 0];
  const next: Version = minor === null ? [base[0] + 1, 0, 0] : [base[0], minor + 1, 0];
  const partial = minor === null || patch === null;
  const from: Test = (version) => compare(version, base) >= 0;
  const below =
    (limit: Version): Test =>
    (version) =>
      from(version) && compare(version, limit) < 0;
  switch (match[1]) {
    case '^':
      return below(partial && base[0] === 0 ? next : caretLimit(base));
    case '~':
      return below(next);
    case '>=':
      return from;
    case '>':
      return partial ? (version) => compare(version, next) >= 0 : (version) => compare(version, base) > 0;
    case '<=':
      return partial ? (version) => compare(version, next) < 0 : (version) => compare(version, base) <= 0;
    case '<':
      return (version) => compare(version, base) < 0;
    default:
      return partial ? below(next) : (version) => compare(version, base) === 0;
  }
}

/**
 * Whether a version lies in a range: `^1.2.0`, `~1.2`, `1.x`, comparators joined by spaces, alternatives joined by `||`.
 * Null when version or range cannot be read.
 */
export function satisfies(version: string, range: string): boolean | null {
  const parsed = parseVersion(version);
  if (parsed === null) return null;
  let result = false;
  for (const alternative of range.split('||')) {
    const parts = alternative
      .trim()
      .replaceAll(/([<>=^~])\s+/g, '$1')
      .split(/\s+/);
    const tests = parts.map((part) => parseComparator(part));
    if (tests.some((test) => test === null)) return null;
    result ||= tests.every((test) => test!(parsed));
  }
  return result;
}
