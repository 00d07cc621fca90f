import type { SliceHeader } from '../dicom/header.js';
import type { ParsedDicom } from '../dicom/parse.js';
import type { PlacedSeries } from '../dicom/placement.js';
import type { LabelClass } from '../image/write-image.js';
import { type Code, meaningOf } from './anatomy.js';
import { dicomColour } from './cielab.js';
import type { DicomDataset, DicomElement } from './encode.js';
import type { PackedFrames } from './frames.js';
import { decodedText } from './text.js';

/** Segmentation Storage. */
export const SEGMENTATION_STORAGE = '1.2.840.10008.5.1.4.1.1.66.4';

/** What a segmentation is made of. */
export interface SegmentationContent {
  /** An image of the series: patient and study are taken from it. */
  readonly source: ParsedDicom;
  readonly placed: PlacedSeries;
  /** Without the background. */
  readonly classes: readonly LabelClass[];
  readonly packed: PackedFrames;
  readonly algorithm: string;
  readonly description: string;
  readonly uids: { readonly instance: string; readonly series: string; readonly dimensions: string };
  readonly time: Date;
}

// Patient, study and frame of reference of the series. Those that must be there (type 2) are, even if empty.
const INHERITED: readonly (readonly [tag: number, vr: string, required: boolean])[] = [
  [0x00080020, 'DA', true], // StudyDate
  [0x00080030, 'TM', true], // StudyTime
  [0x00080050, 'SH', true], // AccessionNumber
  [0x00080090, 'PN', true], // ReferringPhysicianName
  [0x00081030, 'LO', false], // StudyDescription
  [0x00100010, 'PN', true], // PatientName
  [0x00100020, 'LO', true], // PatientID
  [0x00100021, 'LO', false], // IssuerOfPatientID
  [0x00100030, 'DA', true], // PatientBirthDate
  [0x00100040, 'CS', true], // PatientSex
  [0x00101010, 'AS', false], // PatientAge
  [0x00120062, 'CS', false], // PatientIdentityRemoved
  [0x00120063, 'LO', false], // DeidentificationMethod
  [0x00180015, 'CS', false], // BodyPartExamined
  [0x0020000d, 'UI', true], // StudyInstanceUID
  [0x00200010, 'SH', true], // StudyID
  [0x00200052, 'UI', true], // FrameOfReferenceUID
  [0x00201040, 'LO', true], // PositionReferenceIndicator
];

// A series number far from those that scanners give.
const SERIES_NUMBER = '900';
const LONGEST_LABEL = 64;

const keyOf = (tag: number) => `x${tag.toString(16).padStart(8, '0')}`;
const two = (value: number) => String(value).padStart(2, '0');

/** A decimal string of at most 16 characters. */
function decimal(value: number): string {
  for (let digits = 15; ; digits--) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
}

const decimals = (values: readonly number[]) => values.map(decimal).join('\\');

function inheritedFrom({ dataSet }: ParsedDicom): DicomElement[] {
  return INHERITED.flatMap(([tag, vr, required]): DicomElement[] => {
    const text = decodedText(dataSet, keyOf(tag));
    return text === '' && !required ? [] : [[tag, vr, text]];
  });
}

/** A sequence of one code, with attributes that modify it. */
function codeSequence(tag: number, [value, scheme, meaning]: Code, modifiers: DicomDataset = []): DicomElement {
  const item: DicomDataset = [
    [0x00080100, 'SH', value],
    [0x00080102, 'SH', scheme],
    [0x00080104, 'LO', meaning],
    ...modifiers,
  ];
  return [tag, 'SQ', [item]];
}

function segmentItem({ index, name, colour }: LabelClass, algorithm: string): DicomDataset {
  const { category, type, side } = meaningOf(name);
  return [
    [0x00620004, 'US', [index]],
    [0x00620005, 'LO', name.slice(0, LONGEST_LABEL)],
    [0x00620006, 'ST', name],
    [0x00620008, 'CS', 'AUTOMATIC'],
    [0x00620009, 'LO', algorithm.slice(0, LONGEST_LABEL)],
    codeSequence(0x00620003, category),
    codeSequence(0x0062000f, type, side === null ? [] : [codeSequence(0x00620011, side)]),
    [0x0062000d, 'US', dicomColour(colour)],
  ];
}

function referenceTo({ sopClass, sopInstance }: SliceHeader): DicomDataset {
  return [
    [0x00081150, 'UI', sopClass],
    [0x00081155, 'UI', sopInstance],
  ];
}

function derivationFrom(slice: SliceHeader): DicomElement {
  const source: DicomDataset = [
    ...referenceTo(slice),
    codeSequence(0x0040a170, ['121322', 'DCM', 'Source image for image processing operation']),
  ];
  return [
    0x00089124,
    'SQ',
    [[codeSequence(0x00089215, ['113076', 'DCM', 'Segmentation']), [0x00082112, 'SQ', [source]]]],
  ];
}

function frameItem(segment: number, place: number, slice: SliceHeader): DicomDataset {
  return [
    derivationFrom(slice),
    [0x00209111, 'SQ', [[[0x00209157, 'UL', [segment, place + 1]]]]],
    [0x00209113, 'SQ', [[[0x00200032, 'DS', decimals(slice.position!)]]]],
    [0x0062000a, 'SQ', [[[0x0062000b, 'US', [segment]]]]],
  ];
}

function sharedItem({ slices, grid }: PlacedSeries): DicomDataset {
  const [first] = slices;
  const spacing = decimal(grid.spacing[0]);
  return [
    [0x00209116, 'SQ', [[[0x00200037, 'DS', decimals(first!.orientation!)]]]],
    [
      0x00289110,
      'SQ',
      [
        [
          [0x00180050, 'DS', spacing],
          [0x00180088, 'DS', spacing],
          [0x00280030, 'DS', decimals(first!.pixelSpacing!)],
        ],
      ],
    ],
  ];
}

// Frames count by segment and by position (PS3.3 C.7.6.17).
function dimensionsOf(uid: string): DicomDataset {
  const dimension = (pointer: number, group: number): DicomDataset => [
    [0x00209164, 'UI', uid],
    [0x00209165, 'AT', [pointer]],
    [0x00209167, 'AT', [group]],
  ];
  return [
    [0x00209221, 'SQ', [[[0x00209164, 'UI', uid]]]],
    [0x00209222, 'SQ', [dimension(0x0062000b, 0x0062000a), dimension(0x00200032, 0x00209113)]],
  ];
}

function identityOf({ uids, description, time }: SegmentationContent): DicomDataset {
  const date = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`;
  const clock = `${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
  return [
    [0x00080005, 'CS', 'ISO_IR 192'],
    [0x00080008, 'CS', 'DERIVED\\PRIMARY'],
    [0x00080016, 'UI', SEGMENTATION_STORAGE],
    [0x00080018, 'UI', uids.instance],
    [0x00080021, 'DA', date],
    [0x00080023, 'DA', date],
    [0x00080031, 'TM', clock],
    [0x00080033, 'TM', clock],
    [0x00080060, 'CS', 'SEG'],
    [0x00080070, 'LO', 'DinoMix'],
    [0x0008103e, 'LO', description.slice(0, LONGEST_LABEL)],
    [0x00081090, 'LO', 'DinoMix'],
    [0x00181000, 'LO', '1'],
    [0x00181020, 'LO', '1'],
    [0x0020000e, 'UI', uids.series],
    [0x00200011, 'IS', SERIES_NUMBER],
    [0x00200013, 'IS', '1'],
    [0x00700080, 'CS', 'SEGMENTATION'],
    [0x00700081, 'LO', description.slice(0, LONGEST_LABEL)],
    [0x00700084, 'PN', 'DinoMix^'],
  ];
}

function pixelsOf({ placed, packed }: SegmentationContent): DicomDataset {
  const [, rows, columns] = placed.grid.shape;
  return [
    [0x00280002, 'US', [1]],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280008, 'IS', String(packed.frames.length)],
    [0x00280010, 'US', [rows]],
    [0x00280011, 'US', [columns]],
    [0x00280100, 'US', [1]],
    [0x00280101, 'US', [1]],
    [0x00280102, 'US', [0]],
    [0x00280103, 'US', [0]],
    [0x00282110, 'CS', '00'],
    [0x00620001, 'CS', 'BINARY'],
    [0x7fe00010, 'OB', packed.bits],
  ];
}

/** The attributes of a DICOM segmentation (PS3.3 A.51). */
export function segmentationOf(content: SegmentationContent): DicomDataset {
  const { source, placed, classes, packed, algorithm, uids } = content;
  const { slices } = placed;
  return [
    ...inheritedFrom(source),
    ...identityOf(content),
    ...pixelsOf(content),
    ...dimensionsOf(uids.dimensions),
    [
      0x00081115,
      'SQ',
      [
        [
          [0x0020000e, 'UI', slices[0]!.series],
          [0x0008114a, 'SQ', slices.map(referenceTo)],
        ],
      ],
    ],
    [0x00620002, 'SQ', classes.map((one) => segmentItem(one, algorithm))],
    [0x52009229, 'SQ', [sharedItem(placed)]],
    [0x52009230, 'SQ', packed.frames.map(({ segment, slice }) => frameItem(segment, slice, slices[slice]!))],
  ];
}
