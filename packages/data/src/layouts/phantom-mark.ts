import { readNiftiInfo } from '@dinomix/volume';
import type { CaseFiles } from './case-files.js';

/** Description in the header of generated images, by which they are told from the patients of a benchmark. */
export const PHANTOM_MARK = 'DinoMix phantom';

async function isPhantom({ image }: CaseFiles): Promise<boolean> {
  return readNiftiInfo(image).then(
    ({ header }) => header.description === PHANTOM_MARK,
    () => false,
  );
}

/**
 * What the title of a benchmark says where its folder holds phantoms in the layout of the benchmark; empty for others.
 * `dinomix table` keeps these words away from published rows. Two headers are read.
 */
export async function phantomScope(cases: readonly CaseFiles[]): Promise<string> {
  const looked = await Promise.all(
    [...new Set([cases[0], cases.at(-1)])].map((one) => one !== undefined && isPhantom(one)),
  );
  return looked.includes(true) ? ', synthetic phantoms: not the published benchmark' : '';
}
