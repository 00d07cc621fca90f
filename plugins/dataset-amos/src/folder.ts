import { join } from 'node:path';
import { type DataProblem, isDmxError, readJsonDocument, reasonOf } from '@dinomix/core';
import { AMOS_CLASSES, errorOf, isFolder, type PairScan, scanPairs, warningOf } from '@dinomix/data';

const PARTS = [
  { name: 'Tr', isTest: false },
  { name: 'Va', isTest: true },
] as const;

// As nnU-Net has it, a name may end in the channel.
const PATTERN = /^amos_(\d{4})(?:_0000)?\.nii(?:\.gz)?$/;

/** Finds the cases of imagesTr and imagesVa, in the folder or in its subfolder amos22. */
export async function scanAmos(given: string): Promise<PairScan & { readonly root: string }> {
  const nested = join(given, 'amos22');
  const root = !(await isFolder(join(given, 'imagesTr'))) && (await isFolder(nested)) ? nested : given;
  const problems: DataProblem[] = [];
  const folders = [];
  for (const { name, isTest } of PARTS) {
    const pair = { images: join(root, `images${name}`), labels: join(root, `labels${name}`), isTest };
    const absent: string[] = [];
    for (const folder of [pair.images, pair.labels]) if (!(await isFolder(folder))) absent.push(folder);
    if (absent.length === 0) folders.push(pair);
    for (const file of absent) {
      const fix = 'name the folder into which amos22.zip was unpacked; it has imagesTr, labelsTr, imagesVa, labelsVa';
      problems.push(errorOf({ file, message: 'is not there', fix }));
    }
  }
  const scan = await scanPairs(folders, { image: PATTERN, label: PATTERN });
  return { root, cases: scan.cases, problems: [...problems, ...scan.problems, ...(await documentProblems(root))] };
}

/** Compares the class names of dataset.json, where there is one, with ours by their values. */
async function documentProblems(root: string): Promise<DataProblem[]> {
  const file = join(root, 'dataset.json');
  const complain = (message: string) => [
    warningOf({ file, message, fix: 'the label values of AMOS22 are taken; fetch the file again if it should differ' }),
  ];
  let labels: unknown;
  try {
    labels = ((await readJsonDocument(file)) as { labels?: unknown } | null)?.labels;
  } catch (error) {
    return complain(isDmxError(error) ? error.why : reasonOf(error));
  }
  if (typeof labels !== 'object' || labels === null) return complain('has no "labels"');
  const count = Object.keys(labels).length;
  return count === AMOS_CLASSES.length ? [] : complain(`has ${count} labels, AMOS22 has ${AMOS_CLASSES.length}`);
}
