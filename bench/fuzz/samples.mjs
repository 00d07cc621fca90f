import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

// Small sound files by the letter of their formats, to be damaged.

const SHAPE = [6, 5, 4];
const VOXELS = Buffer.from(Int16Array.from({ length: 120 }, (_, index) => index * 31 - 1000).buffer);

const uint16 = (value) => Buffer.from(Uint16Array.of(value).buffer);

export function nrrd(packed) {
  const encoding = packed ? 'gzip' : 'raw';
  const header =
    `NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: ${SHAPE.join(' ')}\n` +
    `space directions: (0.7,0,0) (0,0.8,0) (0,0,2.5)\nspace origin: (1,2,3)\nendian: little\nencoding: ${encoding}\n\n`;
  return Buffer.concat([Buffer.from(header), packed ? gzipSync(VOXELS) : VOXELS]);
}

export function metaImage(packed) {
  const content = packed ? deflateSync(VOXELS) : VOXELS;
  const header =
    `ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = ${packed ? 'True' : 'False'}\n` +
    `${packed ? `CompressedDataSize = ${content.length}\n` : ''}TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\nElementSpacing = 0.7 0.8 2.5\n` +
    `DimSize = ${SHAPE.join(' ')}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n`;
  return Buffer.concat([Buffer.from(header), content]);
}

export function mgh() {
  const header = Buffer.alloc(284);
  for (const [index, value] of [1, ...SHAPE, 1, 4, 0].entries()) header.writeInt32BE(value, 4 * index);
  header.writeInt16BE(1, 28);
  for (const [index, value] of [1, 1, 1, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0].entries())
    header.writeFloatBE(value, 30 + 4 * index);
  return Buffer.concat([header, Buffer.from(VOXELS).swap16()]);
}

export function gipl() {
  const header = Buffer.alloc(256);
  for (const [index, value] of [...SHAPE, 1, 15].entries()) header.writeUInt16BE(value, 2 * index);
  for (const index of [0, 1, 2, 3]) header.writeFloatBE(1, 10 + 4 * index);
  header.writeUInt32BE(719555000, 252);
  return Buffer.concat([header, Buffer.from(VOXELS).swap16()]);
}

export function npy(version = 1) {
  const text = "{'descr': '<i2', 'fortran_order': False, 'shape': (4, 5, 6), }".padEnd(117 - (version > 1 ? 2 : 0));
  const length = version > 1 ? Buffer.from(Uint32Array.of(text.length + 1).buffer) : uint16(text.length + 1);
  return Buffer.concat([
    Buffer.from(`\x93NUMPY`, 'latin1'),
    Buffer.of(version, 0),
    length,
    Buffer.from(`${text}\n`),
    VOXELS,
  ]);
}

const LONG = new Set(['OB', 'OW', 'SQ']);

function dicomElement(tag, vr, value) {
  const content = typeof value === 'number' ? uint16(value) : typeof value === 'string' ? Buffer.from(value) : value;
  const even = content.length % 2 === 0 ? content : Buffer.concat([content, Buffer.of(vr === 'UI' ? 0 : 32)]);
  const head = Buffer.alloc(LONG.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (LONG.has(vr)) head.writeUInt32LE(even.length, 8);
  else head.writeUInt16LE(even.length, 6);
  return Buffer.concat([head, even]);
}

/** One slice of 6 x 5 pixels. */
export function dicomSlice(place, syntax = '1.2.840.10008.1.2.1') {
  const attributes = Buffer.concat([
    dicomElement(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
    dicomElement(0x00080018, 'UI', `1.2.3.${place + 1}`),
    dicomElement(0x00080060, 'CS', 'CT'),
    dicomElement(0x0020000d, 'UI', '1.2.3'),
    dicomElement(0x0020000e, 'UI', '1.2.4'),
    dicomElement(0x00200032, 'DS', `0\\0\\${2 * place}`),
    dicomElement(0x00200037, 'DS', '1\\0\\0\\0\\1\\0'),
    dicomElement(0x00280002, 'US', 1),
    dicomElement(0x00280004, 'CS', 'MONOCHROME2'),
    dicomElement(0x00280010, 'US', 5),
    dicomElement(0x00280011, 'US', 6),
    dicomElement(0x00280030, 'DS', '0.8\\0.7'),
    dicomElement(0x00280100, 'US', 16),
    dicomElement(0x00280101, 'US', 16),
    dicomElement(0x00280102, 'US', 15),
    dicomElement(0x00280103, 'US', 1),
    dicomElement(0x00281052, 'DS', '-1024'),
    dicomElement(0x00281053, 'DS', '1'),
    dicomElement(0x7fe00010, 'OW', VOXELS.subarray(0, 60)),
  ]);
  const meta = dicomElement(0x00020010, 'UI', syntax);
  const length = dicomElement(0x00020000, 'UL', Buffer.from(Uint32Array.of(meta.length).buffer));
  const content = syntax.endsWith('.99') ? deflateRawSync(attributes) : attributes;
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, content]);
}

// protobuf: wire type 0 for whole numbers, 2 for everything of a length.
function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
const whole = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const part = (field, value) => {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
};
const message = (...parts) => Buffer.concat(parts);

function onnxPort(name, sides) {
  const shape = message(...sides.map((side) => part(1, whole(1, side))));
  return message(part(1, name), part(2, part(1, message(whole(1, 1), part(2, shape)))));
}

/** onnx.proto: a convolution of one voxel from one channel to two classes, with `metadata`. */
export function onnx(metadata) {
  const weights = Buffer.from(Float32Array.of(1, -1).buffer);
  const tensor = message(...[2, 1, 1, 1, 1].map((side) => whole(1, side)), whole(2, 1), part(8, 'w'), part(9, weights));
  const node = message(part(1, 'x'), part(1, 'w'), part(2, 'y'), part(3, 'conv'), part(4, 'Conv'));
  const graph = message(
    part(1, node),
    part(2, 'network'),
    part(5, tensor),
    part(11, onnxPort('x', [1, 1, 4, 5, 6])),
    part(12, onnxPort('y', [1, 2, 4, 5, 6])),
  );
  const entries = Object.entries(metadata).map(([key, value]) => part(14, message(part(1, key), part(2, value))));
  return message(whole(1, 8), part(7, graph), part(8, message(part(1, ''), whole(2, 17))), ...entries);
}

/** What `dinomix export` writes into a network. */
export const FACTS = JSON.stringify({
  title: 'a',
  origin: 'b',
  classes: ['background', 'liver'].map((name, index) => ({ index, name, colour: [0, 0, 255 * index], tail: false })),
  preprocessing: { orientation: 'keep', grid: { kind: 'keep' }, normalisation: { steps: [], display: [0, 1] } },
  axes: null,
  reading: null,
  spacing: [
    [1, 1, 1],
    [3, 3, 3],
  ],
  extent: [
    [1, 1, 1],
    [300, 300, 300],
  ],
  patch: [4, 5, 6],
  padValue: 0,
  inference: { stride: null, overlap: 0.5, blending: 'gaussian', batch: 1, mirror: [] },
});
export const DATASET = JSON.stringify({
  channel_names: { 0: 'CT' },
  labels: { background: 0, liver: 1, spleen: 2 },
  numTraining: 2,
  file_ending: '.nii.gz',
  training: [{ image: './imagesTr/a.nii.gz', label: './labelsTr/a.nii.gz' }],
});
export const SPLITS = JSON.stringify({ labelled: ['a'], unlabelled: ['b'], validation: ['c'], test: ['d'] });
const POSITION = { epoch: 0, step: 1, stepInEpoch: 0, epochs: 2, stepsPerEpoch: 3 };
export const EVENTS = [
  { type: 'warning', message: 'a', plugin: null },
  {
    type: 'epoch',
    report: { position: POSITION, loss: 0.5, terms: { dice: 0.5 }, learningRate: 0.1, seconds: 1, validation: null },
  },
  { type: 'checkpoint', path: 'checkpoints/checkpoint-00000003', position: POSITION, best: true },
  { type: 'case', result: { caseId: 'a', role: 'test', values: { dice: [null, 0.5] }, seconds: 1 } },
  {
    type: 'run.end',
    outcome: {
      status: 'completed',
      reason: 'a',
      position: POSITION,
      error: null,
      seconds: 1,
      peakMb: 100,
      fallbackKernels: {},
    },
  },
]
  .map((event) => JSON.stringify({ time: '2026-01-01T00:00:00Z', ...event }))
  .join('\n');
export const RECORD = JSON.stringify({
  run: { seed: 1 },
  config: { name: 'a', train: {}, plugins: [{ id: 'student:vnet', active: true, options: {} }] },
  packages: {},
  teachers: {},
  dataset: { title: 'a', classes: [{ name: 'background' }], splits: {}, fingerprint: { cases: {} } },
  images: { preprocessing: {} },
  outcome: { status: 'completed' },
});
export const EVALUATION = JSON.stringify({
  role: 'test',
  columns: [{ name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher' }],
  perClass: { dice: [null, 0.5] },
  mean: { dice: 0.5 },
  tail: { dice: null },
  weights: 'ema',
  checkpoint: 'best',
  data: { digest: 'd', cases: { a: { image: 'i', label: 'l' } } },
});
export const VIT = JSON.stringify({
  model_type: 'dinov3_vit',
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 12,
  num_attention_heads: 6,
  patch_size: 16,
  num_register_tokens: 4,
  layer_norm_eps: 1e-5,
  rope_theta: 100,
});
export const SETTINGS = JSON.stringify({
  name: 'fuzz',
  seed: 3,
  train: { epochs: 3, patch: [16, 32, 32], batch: { labelled: 1, unlabelled: 1 }, passes: 'together' },
  inference: { overlap: 0.5, blending: 'gaussian', batch: 1, mirror: [] },
  use: { student: ['vnet'], loss: { 'dice-ce': 1 } },
  plugins: [],
});
