/** A code of DICOM: value, scheme, meaning. */
export type Code = readonly [value: string, scheme: string, meaning: string];

/** What a segment shows. */
export interface SegmentMeaning {
  readonly category: Code;
  readonly type: Code;
  /** Right or left, where the name says so. */
  readonly side: Code | null;
}

const STRUCTURE: Code = ['123037004', 'SCT', 'Anatomical Structure'];
const TISSUE: Code = ['85756007', 'SCT', 'Tissue'];

const SIDES: Readonly<Record<string, Code>> = {
  right: ['24028007', 'SCT', 'Right'],
  left: ['7771000', 'SCT', 'Left'],
};

// Organs by the names that abdominal data sets give them; SNOMED CT codes as in DICOM PS3.16, context group 4031 and others.
const ORGANS: Readonly<Record<string, Code>> = {
  spleen: ['78961009', 'SCT', 'Spleen'],
  kidney: ['64033007', 'SCT', 'Kidney'],
  gallbladder: ['28231008', 'SCT', 'Gallbladder'],
  esophagus: ['32849002', 'SCT', 'Esophagus'],
  oesophagus: ['32849002', 'SCT', 'Esophagus'],
  liver: ['10200004', 'SCT', 'Liver'],
  stomach: ['69695003', 'SCT', 'Stomach'],
  aorta: ['15825003', 'SCT', 'Aorta'],
  'inferior vena cava': ['64131007', 'SCT', 'Inferior vena cava'],
  postcava: ['64131007', 'SCT', 'Inferior vena cava'],
  pancreas: ['15776009', 'SCT', 'Pancreas'],
  'adrenal gland': ['23451007', 'SCT', 'Adrenal gland'],
  duodenum: ['38848004', 'SCT', 'Duodenum'],
  bladder: ['89837001', 'SCT', 'Urinary bladder'],
  'urinary bladder': ['89837001', 'SCT', 'Urinary bladder'],
  prostate: ['41216001', 'SCT', 'Prostate'],
  uterus: ['35039007', 'SCT', 'Uterus'],
  colon: ['71854001', 'SCT', 'Colon'],
  lung: ['39607008', 'SCT', 'Lung'],
  heart: ['80891009', 'SCT', 'Heart'],
  brain: ['12738006', 'SCT', 'Brain'],
};

/** Names as they are compared: lower case, words apart by one space. */
export function plainName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
    .trim();
}

/** Codes for the name of a class: its organ where it is a known one, else tissue. */
export function meaningOf(name: string): SegmentMeaning {
  const words = plainName(name).split(' ');
  const side = words.find((word) => word in SIDES);
  const organ = ORGANS[words.filter((word) => word !== side).join(' ')];
  if (organ === undefined) return { category: TISSUE, type: TISSUE, side: null };
  return { category: STRUCTURE, type: organ, side: side === undefined ? null : SIDES[side]! };
}
