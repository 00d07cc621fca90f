import type { DeclaredClasses } from './labels.js';
import type { ListedFiles } from './listed-files.js';

/** What dataset.json says, in either form. */
export interface DatasetDocument extends DeclaredClasses, ListedFiles {
  /** 1: Medical Segmentation Decathlon and nnU-Net v1, names by value. 2: nnU-Net v2, values by name. */
  readonly form: 1 | 2;
  readonly name: string;
  readonly licence: string | null;
  /** Names of the channels in order. */
  readonly channels: readonly string[];
  /** Of the image files; null where the document leaves it open. */
  readonly ending: string | null;
  readonly numTraining: number | null;
}
