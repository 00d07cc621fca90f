/** Edit distance of two words with insertion, deletion, substitution and swap of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let previous: number[] = [];
  let current = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(next[j - 1]! + 1, current[j]! + 1, current[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, previous[j - 2]! + 1);
      next.push(best);
    }
    previous = current;
    current = next;
  }
  return current[b.length]!;
}

/**
 * Returns the candidate that a person most likely meant: at most 2 edits away, or 40 % of the word for long words, or one
 * that contains the word or is contained in it. Null when none is near; ties go to the first.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const wanted = word.toLowerCase();
  let best: string | null = null;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const offered = candidate.toLowerCase();
    const distance = editDistance(wanted, offered);
    const limit = Math.max(2, Math.floor(0.4 * Math.max(wanted.length, offered.length)));
    const contained =
      wanted.length >= 3 && offered.length >= 3 && (offered.includes(wanted) || wanted.includes(offered));
    const short = distance >= Math.max(wanted.length, offered.length);
    if ((distance > limit || short) && !contained) continue;
    const score = contained ? Math.min(distance, limit) : distance;
    if (score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** ` Did you mean "x"?` with its leading space, or nothing. */
export function didYouMean(name: string | null): string {
  return name === null ? '' : ` Did you mean "${name}"?`;
}

/** `"a", "b" and "c"`, or `none`. */
export function quoted(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const all = names.map((name) => `"${name}"`);
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
