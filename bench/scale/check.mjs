import { stalePrepared } from '@dinomix/data/prepare';
import { scaleDataset } from './cases.mjs';

/** Checks the cases as `dinomix data check` does. A step returns the number of problems. */
export async function create(request) {
  const dataset = scaleDataset({ ...request, cache: null });
  return async () => {
    const problems = [];
    for await (const problem of dataset.check()) problems.push(problem);
    for await (const problem of stalePrepared(dataset)) problems.push(problem);
    if (problems.length > 0) throw new Error(`${problems[0].file}: ${problems[0].message}`);
    return problems.length;
  };
}
