import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { RunPage } from '@dinomix/core';
import { readRegularFile } from '@dinomix/volume';
import { z } from 'zod';

/** A page in a run folder, for the report. */
export interface FoundPage {
  readonly title: string;
  readonly note: string;
  /** Relative address. */
  readonly link: string;
  /** PNG files. */
  readonly pictures: readonly Uint8Array[];
}

/** Name of the folder of pages in a run, and of the description in each. */
const PLACE = { folder: 'pages', description: 'page.json' } as const;
/** Pictures go into the report. */
const [LARGEST_PICTURE, MOST_PICTURES] = [4e6, 6];
const PNG = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);

/** A name of a file, not a way out of the folder. */
const name = z.string().regex(/^[\w][\w.-]{0,127}$/);
const pageSchema: z.ZodType<RunPage> = z.object({
  title: z.string().min(1).max(300),
  note: z.string().max(2000),
  file: name,
  pictures: z.array(name),
});

async function readPicture(path: string): Promise<Uint8Array | null> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true || found.size > LARGEST_PICTURE) return null;
  const bytes = await readRegularFile(path);
  return bytes.subarray(0, PNG.length).equals(PNG) ? bytes : null;
}

/**
 * Finds the pages that other commands left in a run. One that is damaged or incomplete is left out.
 * @param from - folder of the report, for the links.
 */
export async function readPages(directory: string, from: string): Promise<readonly FoundPage[]> {
  const folder = join(directory, PLACE.folder);
  const names = await readdir(folder).catch(() => []);
  const pages: FoundPage[] = [];
  for (const one of names.sort()) {
    const text = await readRegularFile(join(folder, one, PLACE.description), 'utf8').catch(() => null);
    const page = text === null ? null : parsed(text);
    if (page === null || (await stat(join(folder, one, page.file)).catch(() => null))?.isFile() !== true) continue;
    const link = relative(from, join(folder, one, page.file))
      .split(sep)
      .map(encodeURIComponent)
      .join('/');
    const paths = page.pictures.slice(0, MOST_PICTURES).map((picture) => join(folder, one, picture));
    const pictures = (await Promise.all(paths.map(readPicture))).filter((picture) => picture !== null);
    pages.push({ title: page.title, note: page.note, link, pictures });
  }
  return pages;
}

function parsed(text: string): RunPage | null {
  try {
    return pageSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
