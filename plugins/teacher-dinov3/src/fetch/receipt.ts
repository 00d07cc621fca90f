import { join } from 'node:path';
import { readRegularFile, writeFileAtomic } from '@dinomix/volume';
import { z } from 'zod';
import { isSafeName } from './choose.js';
import { digestsOf, lengthOf } from './verify.js';

/** Name of the receipt in the folder. */
export const RECEIPT = 'receipt.json';

const receiptSchema = z.object({
  id: z.string(),
  /** The commit. */
  revision: z.string(),
  kind: z.literal(['safetensors', 'onnx', 'other']),
  licence: z.object({ name: z.string(), url: z.string().nullable(), acceptedAt: z.string() }),
  files: z.array(
    z.object({
      path: z.string().refine(isSafeName),
      size: z.int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      url: z.string(),
    }),
  ),
});

/** What was downloaded, whence, and under which licence; stands beside the weights. */
export type Receipt = z.output<typeof receiptSchema>;

/** The receipt of a folder; null where there is none that can be read. */
export async function readReceipt(folder: string): Promise<Receipt | null> {
  try {
    return receiptSchema.parse(JSON.parse(await readRegularFile(join(folder, RECEIPT), 'utf8')));
  } catch {
    return null;
  }
}

/** Writes the receipt of a folder. */
export function writeReceipt(folder: string, receipt: Receipt): Promise<void> {
  return writeFileAtomic(join(folder, RECEIPT), `${JSON.stringify(receipt, null, 2)}\n`);
}

/** Files of a receipt that are missing or changed since. */
export async function changedFiles(
  folder: string,
  { files }: Receipt,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const { path, size, sha256 } of files) {
    const file = join(folder, path);
    const same = (await lengthOf(file)) === size && (await digestsOf(file, size, signal)).sha256 === sha256;
    if (!same) changed.push(path);
  }
  return changed;
}
