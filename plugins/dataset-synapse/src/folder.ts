import { join } from 'node:path';
import { errorOf, isFolder, type PairFolders, type PairScan, scanPairs } from '@dinomix/data';

// As the archive of synapse.org unpacks, as its parts do, and flattened as DHC's preprocessing wants it.
const LAYOUTS = [
  ['RawData/Training/img', 'RawData/Training/label'],
  ['Abdomen/RawData/Training/img', 'Abdomen/RawData/Training/label'],
  ['Training/img', 'Training/label'],
  ['img', 'label'],
  ['imagesTr', 'labelsTr'],
] as const;

const NAMES = { image: /^img(\d{4})\.nii(?:\.gz)?$/, label: /^label(\d{4})\.nii(?:\.gz)?$/ };

async function findFolders(root: string): Promise<PairFolders | null> {
  for (const [image, label] of LAYOUTS) {
    const folders = { images: join(root, image), labels: join(root, label), isTest: false };
    if ((await isFolder(folders.images)) && (await isFolder(folders.labels))) return folders;
  }
  return null;
}

/** Finds the cases in whichever layout the folder has. */
export async function scanSynapse(root: string): Promise<PairScan> {
  const folders = await findFolders(root);
  if (folders === null) {
    const message = `has none of the layouts ${LAYOUTS.map((pair) => pair.join(' + ')).join('; ')}`;
    const fix = 'name the folder into which RawData.zip of synapse.org (syn3193805) was unpacked';
    return { cases: [], problems: [errorOf({ file: root, message, fix })] };
  }
  const scan = await scanPairs([folders], NAMES);
  if (scan.cases.length > 0) return scan;
  const message = 'has no file img0001.nii.gz or the like';
  const fix = 'keep the names of the archive: img0001.nii.gz and label0001.nii.gz';
  return { cases: [], problems: [...scan.problems, errorOf({ file: folders.images, message, fix })] };
}
