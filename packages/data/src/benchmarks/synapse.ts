import { errorOf } from '../check/problems.js';
import { splitFromLists } from '../splits/published-split.js';
import type { PlannedSplits } from '../splits/splits.js';
import { classTable } from './class-table.js';
import { SYNAPSE_MANIFESTS, type SynapseSplitName } from './synapse-manifests.js';

/** Background and the 13 organs of Synapse (BTCV; method.md §2.7); the tail is the five smallest. */
export const SYNAPSE_CLASSES = classTable([
  ['spleen'],
  ['right kidney'],
  ['left kidney'],
  ['gallbladder', true],
  ['esophagus', true],
  ['liver'],
  ['stomach'],
  ['aorta'],
  ['inferior vena cava'],
  ['portal and splenic veins', true],
  ['pancreas'],
  ['right adrenal gland', true],
  ['left adrenal gland', true],
]);

/** Kidneys and adrenal glands of Synapse: what a mirror along x exchanges. */
export const SYNAPSE_SIDES = [
  [2, 3],
  [12, 13],
] as const;

/** The 30 cases with labels of "Beyond the Cranial Vault". */
export const SYNAPSE_IDS: readonly string[] = Array.from({ length: 30 }, (_, index) =>
  String(index < 10 ? index + 1 : index + 11).padStart(4, '0'),
);

/**
 * A published split of Synapse, ids `0001` to `0040`.
 * @param labelled - share of the training cases with a label; without a list for it there is a problem.
 */
export function synapseSplit(name: SynapseSplitName, labelled: number, root: string): PlannedSplits {
  const manifest = SYNAPSE_MANIFESTS[name];
  const list = manifest.labelled[String(labelled)];
  if (list !== undefined) return { splits: splitFromLists({ ...manifest, labelled: list }), problems: [] };
  const message = `option "labelled" is ${labelled}; the split "${name}" has lists for ${Object.keys(manifest.labelled).join(', ')}`;
  const fix = 'take one of them, another split, or split: "drawn"';
  const splits = { labelled: [], unlabelled: [], validation: [], test: [] };
  return { splits, problems: [errorOf({ file: root, message, fix })] };
}
