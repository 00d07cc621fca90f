import { bodyParts, buildEnvelope, chestParts, couchParts } from './body.js';
import {
  colonParts,
  duodenumParts,
  esophagusParts,
  mesentericParts,
  smallBowelParts,
  stomachParts,
} from './digestive.js';
import { drawTissues } from './materials.js';
import { adrenalParts, gallbladderParts, kidneysParts, liverParts, pancreasParts, spleenParts } from './organs.js';
import type { Part } from './part.js';
import type { Patient } from './patient.js';
import { pelvisParts } from './pelvis.js';
import { muscleParts, skeletonParts } from './skeleton.js';
import { vesselParts } from './vessels.js';

/** Builds every part of a patient in painting order: what comes later covers what came before. */
export function buildAnatomy(patient: Patient): Part[] {
  const tissues = drawTissues(patient);
  const envelope = buildEnvelope(patient);
  const { abdomen } = envelope;
  return [
    ...couchParts(patient, tissues, envelope),
    ...bodyParts(tissues, envelope),
    ...muscleParts(tissues),
    ...mesentericParts(patient, tissues, abdomen),
    ...colonParts(patient, tissues, abdomen),
    ...smallBowelParts(patient, tissues, abdomen),
    ...stomachParts(patient, tissues, abdomen),
    ...liverParts(patient, tissues, abdomen),
    ...spleenParts(patient, tissues, abdomen),
    ...duodenumParts(patient, tissues, abdomen),
    ...kidneysParts(patient, tissues, abdomen),
    ...gallbladderParts(patient, tissues, abdomen),
    ...pelvisParts(patient, tissues, abdomen),
    ...chestParts(patient, tissues, envelope),
    ...skeletonParts(tissues),
    ...pancreasParts(patient, tissues, abdomen),
    ...vesselParts(patient, tissues),
    ...esophagusParts(patient, tissues),
    ...adrenalParts(patient, tissues),
  ];
}
