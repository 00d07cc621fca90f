import type { Rng } from '@dinomix/volume';
import { boundedNormal, type Patient } from './patient.js';

/** How a tissue looks in CT. */
export interface Material {
  /** Mean in HU. */
  readonly hu: number;
  /** Amplitude in HU of smooth unevenness inside the tissue. */
  readonly texture: number;
  /** Size of the unevenness in mm. */
  readonly grain: 'fine' | 'coarse';
}

/** Mean and patient-to-patient standard deviation in HU, texture amplitude, grain. */
type Appearance = readonly [hu: number, deviation: number, texture: number, grain: 'fine' | 'coarse'];

// Portal-venous phase at about 100-120 kV. Ranges after the radiology literature, as quoted in textbooks of abdominal CT
// (liver 100-120, spleen 110-130, renal parenchyma 150-200, aorta 130-170, portal vein 150-180, pancreas 80-110,
// muscle 50-65, fat -110 to -90, bile 0-20, trabecular bone 100-250, lung -900 to -800).
const APPEARANCES = {
  table: [-90, 20, 0, 'fine'],
  skin: [20, 10, 10, 'fine'],
  subcutaneousFat: [-105, 4, 8, 'coarse'],
  muscle: [58, 5, 22, 'fine'],
  visceralFat: [-100, 5, 16, 'coarse'],
  lung: [-850, 25, 40, 'coarse'],
  lungVessel: [20, 20, 0, 'fine'],
  mediastinum: [15, 20, 40, 'coarse'],
  blood: [145, 15, 6, 'coarse'],
  myocardium: [105, 10, 10, 'coarse'],
  cartilage: [85, 12, 20, 'fine'],
  cortical: [760, 80, 160, 'fine'],
  trabecular: [190, 40, 60, 'fine'],
  disc: [85, 8, 12, 'coarse'],
  spinalCanal: [28, 5, 8, 'coarse'],
  liver: [108, 8, 9, 'coarse'],
  liverVessel: [148, 9, 4, 'fine'],
  lesion: [45, 20, 10, 'fine'],
  spleen: [119, 9, 7, 'coarse'],
  renalCortex: [185, 16, 10, 'fine'],
  renalMedulla: [158, 14, 10, 'fine'],
  adrenal: [76, 9, 8, 'fine'],
  pancreas: [93, 10, 18, 'fine'],
  gastricWall: [80, 9, 12, 'fine'],
  gastricContent: [25, 12, 25, 'coarse'],
  gas: [-980, 8, 10, 'fine'],
  esophagealWall: [58, 7, 10, 'fine'],
  duodenalWall: [72, 10, 10, 'fine'],
  duodenalContent: [38, 12, 22, 'fine'],
  bile: [10, 5, 4, 'coarse'],
  gallbladderWall: [55, 10, 5, 'fine'],
  aorta: [152, 16, 5, 'coarse'],
  venaCava: [128, 16, 14, 'coarse'],
  portalVein: [160, 13, 5, 'coarse'],
  smallVessel: [150, 12, 5, 'fine'],
  bowelWall: [88, 12, 15, 'fine'],
  bowelFluid: [30, 14, 25, 'fine'],
  bowelContrast: [230, 60, 40, 'fine'],
  stool: [-10, 40, 150, 'fine'],
  colonWall: [62, 10, 12, 'fine'],
  bladderWall: [48, 6, 8, 'fine'],
  urine: [7, 5, 4, 'coarse'],
  prostate: [72, 12, 16, 'fine'],
  uterus: [102, 14, 18, 'fine'],
} as const satisfies Record<string, Appearance>;

/** The tissues of one patient. */
export type Tissues = Readonly<Record<keyof typeof APPEARANCES, Material>>;

/** Draws the appearance of every tissue in one patient. Contrast-enhanced tissues share part of their deviation. */
export function drawTissues(patient: Patient): Tissues {
  const rng: Rng = patient.stream('tissues');
  const names = Object.keys(APPEARANCES) as (keyof typeof APPEARANCES)[];
  const enhancement = boundedNormal(rng, 0, 1);
  const entries = names.map((name): readonly [string, Material] => {
    const [hu, deviation, texture, grain] = APPEARANCES[name];
    // An enhanced organ is bright in all patients whose contrast timing was good: correlation 0.5.
    const shared = hu > 60 && hu < 220 ? Math.SQRT1_2 * enhancement : 0;
    const own = shared === 0 ? boundedNormal(rng, 0, 1) : Math.SQRT1_2 * boundedNormal(rng, 0, 1);
    return [name, { hu: hu + deviation * (shared + own), texture, grain }];
  });
  return Object.fromEntries(entries) as Tissues;
}
