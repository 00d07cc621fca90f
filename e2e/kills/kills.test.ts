import { expect, it } from 'vitest';
import { killCampaign } from './campaign.js';

// `npm run kills -- --kills 200 --seed 1` sets both.
const { DINOMIX_KILLS = '8', DINOMIX_KILLS_SEED = '1' } = process.env;

it(
  `${DINOMIX_KILLS} kills at random moments leave no torn file, and all ends with the bits of undisturbed commands`,
  async () => {
    const { kills, counts, faults } = await killCampaign(Number(DINOMIX_KILLS), Number(DINOMIX_KILLS_SEED));
    console.info(
      `${kills} kills: ${Object.entries(counts)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ')}`,
    );
    expect(faults).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(Number(DINOMIX_KILLS));
  },
  24 * 3_600_000,
);
