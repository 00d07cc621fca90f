import '../../../test/backend.js';
import { describe, expect, it } from 'vitest';
import { mixerThat, tinyPlugin } from '../../../test/tiny-plugins.js';
import { oneEpoch, tinyRun } from '../../../test/tiny-run.js';

describe('mixers', () => {
  it('see where the crops were cut, and whether unlabelled ones have a target', async () => {
    const seen: { labelled: string[]; unlabelled: string[]; hasPseudoLabels: boolean }[] = [];
    const looks = mixerThat(async ({ labelledCrops, unlabelledCrops, hasPseudoLabels }) => {
      const idsOf = (crops: typeof labelledCrops) => crops.map(({ caseId }) => caseId);
      seen.push({ labelled: idsOf(labelledCrops), unlabelled: idsOf(unlabelledCrops), hasPseudoLabels });
    });
    const batches: typeof seen = [];
    const hook = tinyPlugin([], ({ hooks }) => {
      hooks.batchReady.tap(({ labelled, unlabelled }) => {
        const idsOf = (crops: typeof labelled.crops) => crops.map(({ caseId }) => caseId);
        batches.push({
          labelled: idsOf(labelled.crops),
          unlabelled: idsOf(unlabelled!.crops),
          hasPseudoLabels: batches.length > 0,
        });
        return undefined;
      });
      hooks.teacherResolve.tap(() => ({ teachers: batches.length > 1 ? ['ema'] : [] }));
    });
    const { outcome } = await tinyRun(oneEpoch({ plugins: { mixer: looks }, more: [hook] }));
    // The mixer of the test mixes unlabelled crops all the same.
    expect(outcome.error).toMatchObject({ code: 'DMX_MIX_PLAN' });
    expect(seen).toEqual(batches);
    expect(seen[0]!.labelled).toHaveLength(2);
  });
});
