/** A licence as it is shown before anything is downloaded. */
export interface Licence {
  /** The name that has to be repeated to accept it. */
  readonly name: string;
  readonly url: string | null;
  /** What it asks for, in lines; it does not replace the text. */
  readonly summary: readonly string[];
}

/** A repository whose weights the teacher is known to take. */
export interface KnownRepository {
  readonly id: string;
  readonly licence: Licence;
  /** Whether its owner grants access by request. */
  readonly gated: boolean;
  /** Options of the teacher that these weights need beside `model`, as they stand in a config. */
  readonly options: string | null;
}

const DINOV3: Licence = {
  name: 'dinov3-license',
  url: 'https://ai.meta.com/resources/models-and-libraries/dinov3-license',
  summary: [
    'DINOv3 License of Meta: use, copies and changes are free of charge, commercial use included.',
    'Whoever passes the weights or works derived from them on does so under the same agreement, with a copy of it.',
    'Publications acknowledge the use of DINO materials; military use and what trade controls forbid are excluded.',
  ],
};

const APACHE: Licence = {
  name: 'apache-2.0',
  url: 'https://www.apache.org/licenses/LICENSE-2.0',
  summary: ['Apache License 2.0: use, copies and changes are free; copies keep the licence and its notices.'],
};

const LVD = ['vits16', 'vits16plus', 'vitb16', 'vitl16', 'vith16plus'] as const;
const TIMM = ['small', 'small_plus', 'base', 'large', 'huge_plus'] as const;
const SATELLITE = 'mean: [0.43, 0.411, 0.296], deviation: [0.213, 0.156, 0.143]';
// 128 voxels as 16 patches, as with DINOv3.
const PATCHES_OF_14 = 'patchSize: 14, upscale: 1.75';

function repositories(
  ids: readonly string[],
  licence: Licence,
  { gated = false, options = null }: { readonly gated?: boolean; readonly options?: string | null } = {},
): readonly KnownRepository[] {
  return ids.map((id) => ({ id, licence, gated, options }));
}

/** Repositories of the Hugging Face hub with DINOv3, copies of it, and models that the same adapter takes. */
export const KNOWN: readonly KnownRepository[] = [
  ...repositories(
    LVD.map((size) => `facebook/dinov3-${size}-pretrain-lvd1689m`),
    DINOV3,
    { gated: true },
  ),
  ...repositories(['facebook/dinov3-vitl16-pretrain-sat493m'], DINOV3, { gated: true, options: SATELLITE }),
  ...repositories(
    ['vits16', 'vitb16', 'vitl16'].map((size) => `onnx-community/dinov3-${size}-pretrain-lvd1689m-ONNX`),
    DINOV3,
  ),
  ...repositories(
    TIMM.map((size) => `timm/vit_${size}_patch16_dinov3.lvd1689m`),
    DINOV3,
  ),
  ...repositories(
    ['small', 'base', 'large', 'giant'].map((size) => `onnx-community/dinov2-with-registers-${size}`),
    APACHE,
    { options: PATCHES_OF_14 },
  ),
];

/** The entry of a repository, whatever the case of its letters; null for any other. */
export function knownRepository(id: string): KnownRepository | null {
  return KNOWN.find((one) => one.id.toLowerCase() === id.toLowerCase()) ?? null;
}

const ADDRESSES: Readonly<Record<string, string>> = {
  'apache-2.0': APACHE.url!,
  mit: 'https://opensource.org/license/mit',
  'cc-by-4.0': 'https://creativecommons.org/licenses/by/4.0/legalcode',
  'cc-by-nc-4.0': 'https://creativecommons.org/licenses/by-nc/4.0/legalcode',
};

/** A licence that the hub names, or that it does not name. */
export function statedLicence(name: string | null, url: string | null, page: string): Licence {
  if (name === null) {
    const summary = ['The repository names no licence. Without one, its authors keep all rights: ask them first.'];
    return { name: 'unstated', url: page, summary };
  }
  const known = [DINOV3, APACHE].find((licence) => licence.name === name.toLowerCase());
  return (
    known ?? { name, url: url ?? ADDRESSES[name.toLowerCase()] ?? page, summary: ['Read its text before you accept.'] }
  );
}
