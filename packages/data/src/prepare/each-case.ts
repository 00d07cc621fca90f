import type { CaseRole, Dataset } from '@dinomix/core';

/** A case of a split. */
export interface CasePlace {
  readonly caseId: string;
  readonly role: CaseRole;
}

/** The cases of all splits, in their order. */
export function casesOf({ splits }: Dataset): readonly CasePlace[] {
  return (Object.entries(splits) as [CaseRole, readonly string[]][]).flatMap(([role, ids]) =>
    ids.map((caseId) => ({ caseId, role })),
  );
}

/**
 * Works on every case, `lanes` at a time. After a failure no further case is begun; those under way end first.
 * @returns results in the order of the cases.
 */
export async function eachCase<C, R>(
  cases: readonly C[],
  lanes: number,
  signal: AbortSignal,
  work: (one: C) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Array<R>(cases.length);
  let [next, failed] = [0, false];
  const lane = async (): Promise<void> => {
    while (next < cases.length && !failed) {
      signal.throwIfAborted();
      const at = next++;
      results[at] = await work(cases[at]!);
    }
  };
  const ended = await Promise.allSettled(
    Array.from({ length: Math.max(1, lanes) }, () =>
      lane().catch((thrown: unknown) => {
        failed = true;
        throw thrown;
      }),
    ),
  );
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return results;
}
