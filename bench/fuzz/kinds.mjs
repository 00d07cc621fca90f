import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  encodeSafetensors,
  openSafetensors,
  readNifti,
  readNiftiInfo,
  readSafetensors,
  writeNifti,
} from '@dinomix/volume';
import { damagedBytes, damagedJson, damagedText } from './mutate.mjs';
import * as samples from './samples.mjs';

// Built files that no package exports: a fuzz looks behind the doors.
const inside = (path) => import(new URL(`../../${path}`, import.meta.url).href);
const MIB = 2 ** 20;

/** The input of this number is the sound sample: where it is refused, nothing behind the first check is tried. */
export const SOUND = -1;

/**
 * A kind of input: `make` gives the sound content of its file, `damage` changes it, `read` is the way in of the product.
 * `share` is how many of a thousand inputs are of this kind, `base` what its machinery takes beside the bound (MiB).
 * A reader that gives problems instead of throwing returns their texts. `sound` makes a file of what `damage` takes, where that is
 * no file yet.
 */
function kind({ damage = damagedBytes, base = 0, ...one }) {
  return { damage, base, ...one };
}

/** Damages what is compressed, inside or outside of its compression. */
const packed = (damage) => (sound, pick) =>
  pick.below(2) === 0 ? damage(sound, pick) : gzipSync(damage(gunzipSync(sound), pick), { level: 1 });

async function niftiSample(folder, name, options) {
  const data = Int16Array.from({ length: 120 }, (_, index) => index * 31 - 1000);
  const affine = [
    [-0.7, 0, 0, 3],
    [0, 0.8, 0, -2],
    [0, 0, 2.5, 9],
    [0, 0, 0, 1],
  ];
  await writeNifti(
    join(folder, name),
    { data, shape: [4, 5, 6], spacing: [2.5, 0.8, 0.7], affine },
    { labelNames: new Map([[1, 'liver']]), ...options },
  );
  return readFileSync(join(folder, name));
}

const nifti = async (file) => {
  await readNiftiInfo(file);
  await readNifti(file);
};

const NIFTI = [
  kind({ name: 'nifti', file: 'a.nii', make: (folder) => niftiSample(folder, 'a.nii'), read: nifti, share: 120 }),
  kind({
    name: 'nifti-2',
    file: 'a.nii',
    make: (folder) => niftiSample(folder, 'a.nii', { version: 2 }),
    read: nifti,
    share: 50,
  }),
  kind({
    name: 'nifti-gz',
    file: 'a.nii.gz',
    make: (folder) => niftiSample(folder, 'a.nii.gz'),
    damage: packed(damagedBytes),
    read: nifti,
    share: 80,
  }),
];

/** Every such input of ITK's formats goes to ITK as well, which takes a third of a second. */
const TO_ITK = 40;

async function image(file, index) {
  const { assertHeld, readStoredVoxels, storedImageOf } = await inside(
    'plugins/dataset-itk/dist/header/voxel-bytes.js',
  );
  const { readImage } = await inside('plugins/dataset-itk/dist/index.js');
  if (index % TO_ITK === 0) return void (await readImage(file));
  const stored = await storedImageOf(file);
  await assertHeld(file, stored, 2 ** 30);
  if (stored.start !== null) await readStoredVoxels(file, stored);
}

// A thread with ITK's machine code.
const ITK_BASE = 100;
const ITK = [
  kind({
    name: 'nrrd',
    file: 'a.nrrd',
    make: () => samples.nrrd(false),
    damage: damagedText,
    read: image,
    share: 60,
    base: ITK_BASE,
  }),
  kind({
    name: 'nrrd-gzip',
    file: 'a.nrrd',
    make: () => samples.nrrd(true),
    damage: damagedText,
    read: image,
    share: 40,
    base: ITK_BASE,
  }),
  kind({
    name: 'meta-image',
    file: 'a.mha',
    make: () => samples.metaImage(false),
    damage: damagedText,
    read: image,
    share: 60,
    base: ITK_BASE,
  }),
  kind({
    name: 'meta-image-zlib',
    file: 'a.mha',
    make: () => samples.metaImage(true),
    damage: damagedText,
    read: image,
    share: 40,
    base: ITK_BASE,
  }),
  kind({ name: 'mgh', file: 'a.mgh', make: () => samples.mgh(), read: image, share: 30, base: ITK_BASE }),
  kind({
    name: 'mgz',
    file: 'a.mgz',
    make: () => gzipSync(samples.mgh()),
    damage: packed(damagedBytes),
    read: image,
    share: 40,
    base: ITK_BASE,
  }),
  kind({ name: 'gipl', file: 'a.gipl', make: () => samples.gipl(), read: image, share: 20, base: ITK_BASE }),
];

async function series(file) {
  const { readDicomSeries } = await inside('plugins/dataset-itk/dist/index.js');
  const folder = join(file, '..');
  for (const place of [0, 2]) writeFileSync(join(folder, `IM${place}`), samples.dicomSlice(place));
  await readDicomSeries(folder);
}

async function segmentation(file) {
  const { readDicomSegmentation } = await inside('plugins/dataset-itk/dist/index.js');
  const affine = [
    [-0.7, 0, 0, 0],
    [0, -0.8, 0, 0],
    [0, 0, 2, 0],
    [0, 0, 0, 1],
  ];
  const grid = { shape: [2, 5, 6], spacing: [2, 0.8, 0.7], affine };
  await readDicomSegmentation(file, { grid, classes: ['background', 'liver'] });
}

async function segmentationSample(folder) {
  const { writeDicomSegmentation } = await inside('plugins/dataset-itk/dist/index.js');
  const files = [0, 1].map((place) => join(folder, `IM${place}`));
  for (const [place, file] of files.entries()) writeFileSync(file, samples.dicomSlice(place));
  const affine = [
    [-0.7, 0, 0, 0],
    [0, -0.8, 0, 0],
    [0, 0, 2, 0],
    [0, 0, 0, 1],
  ];
  const data = Uint8Array.from({ length: 60 }, (_, index) => (index % 7 === 0 ? 1 : 0));
  const classes = ['background', 'liver'].map((name, index) => ({ index, name, colour: [0, 0, 255] }));
  const file = join(folder, 'sample.dcm');
  await writeDicomSegmentation(file, { data, shape: [2, 5, 6], spacing: [2, 0.8, 0.7], affine }, { classes, files });
  return readFileSync(file);
}

const DICOM = [
  kind({ name: 'dicom', file: 'series/IM1', make: () => samples.dicomSlice(1), read: series, share: 90 }),
  kind({
    name: 'dicom-deflated',
    file: 'series/IM1',
    make: () => samples.dicomSlice(1, '1.2.840.10008.1.2.1.99'),
    read: series,
    share: 20,
  }),
  kind({ name: 'dicom-seg', file: 'a.dcm', make: segmentationSample, read: segmentation, share: 20 }),
];

async function npy(file) {
  const { readNpy, readNpyHeader } = await inside('plugins/dataset-arrays/dist/npy.js');
  await readNpyHeader(file);
  await readNpy(file);
}

async function h5(file) {
  const { readH5 } = await inside('plugins/dataset-arrays/dist/h5.js');
  await readH5(file, 'group/inner');
}

const h5Sample = (name) => () =>
  readFileSync(new URL(`../../plugins/dataset-arrays/test/fixtures/${name}`, import.meta.url));

const ARRAYS = [
  kind({ name: 'npy', file: 'a.npy', make: () => samples.npy(), damage: damagedText, read: npy, share: 40 }),
  kind({ name: 'npy-2', file: 'a.npy', make: () => samples.npy(2), read: npy, share: 20 }),
  // The library keeps what it once took.
  kind({ name: 'h5', file: 'a.h5', make: h5Sample('types.h5'), read: h5, share: 40, base: 64 }),
];

const TENSORS = {
  image: { dtype: 'F16', shape: [2, 3, 4], data: new Uint16Array(24).fill(15360) },
  label: { dtype: 'U8', shape: [2, 3, 4], data: new Uint8Array(24) },
};

async function safetensors(file) {
  const opened = await openSafetensors(file);
  try {
    for (const name of opened.entries.keys()) await opened.read(name);
  } finally {
    await opened.close();
  }
  await readSafetensors(file);
}

async function checkpointSample(folder) {
  const { createCheckpoints } = await inside('packages/trainer/dist/checkpoint/checkpoints.js');
  const { newProgress, progressToJson } = await inside('packages/trainer/dist/run/progress.js');
  const variables = new Map([['w', { shape: [2], data: Float32Array.of(1, 2) }]]);
  const run = { id: 'r', seed: 1, configHash: 'h', dataDigest: 'd' };
  const state = {
    run,
    step: 3,
    progress: progressToJson({ ...newProgress(), step: 3 }),
    variables,
    slots: {},
    plugins: {},
  };
  return readFileSync(`${await createCheckpoints(folder, 2).write(state)}.json`);
}

async function checkpoint(file) {
  const { readCheckpoint } = await inside('packages/trainer/dist/checkpoint/checkpoints.js');
  await readCheckpoint(file.replace(/\.json$/, ''));
}

async function preparedSample(folder) {
  const { roundToStored, writePrepared } = await inside('packages/data/dist/prepare/prepared-file.js');
  const image = Float32Array.from({ length: 24 }, (_, index) => index / 8);
  const affine = [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ];
  const grid = { shape: [2, 3, 4], spacing: [1, 1, 1], affine };
  const one = { caseId: 'a', role: 'labelled', ...grid, image, label: new Uint8Array(24), source: grid, box: null };
  const file = join(folder, 'sample.safetensors');
  await writePrepared(file, one, roundToStored(image), { stamp: 's', digests: { image: 'i', label: 'l' } });
  return readFileSync(file);
}

/** What is damaged is prepared again: null. The sound one must be there. */
async function prepared(file, index) {
  const { readPrepared } = await inside('packages/data/dist/prepare/prepared-file.js');
  const found = await readPrepared(file, 'a', 'labelled');
  if (index === SOUND && found === null) throw new Error('it is prepared again');
}

function vit(file) {
  return inside('plugins/teacher-dinov3/dist/convert/config.js').then(({ readConfig }) => readConfig(file));
}

const OWN = [
  kind({
    name: 'safetensors',
    file: 'a.safetensors',
    make: () => encodeSafetensors(TENSORS, { a: 'b' }),
    damage: damagedText,
    read: safetensors,
    share: 60,
  }),
  kind({
    name: 'prepared',
    file: 'a.safetensors',
    make: preparedSample,
    read: prepared,
    share: 30,
  }),
  kind({
    name: 'checkpoint',
    file: 'checkpoint-00000003.json',
    make: checkpointSample,
    damage: damagedJson,
    read: checkpoint,
    share: 40,
  }),
];

let session;

/** Through the engine itself: what it says of a graph must not end the process. */
async function network(file) {
  if (session === undefined) {
    const [tf, engine] = await Promise.all([
      import('@tensorflow/tfjs-core'),
      import('@dinomix/backend-onnxruntime/engine'),
    ]);
    await tf.setBackend('onnxruntime');
    session = { name: 'onnxruntime', loadNetwork: (bytes) => engine.loadNetwork(tf.backend(), bytes) };
  }
  const { openNetwork } = await inside('packages/cli/dist/predict/open-network.js');
  const opened = await openNetwork(session, file);
  await opened.dispose();
}

async function teacher(file) {
  const { readModelFile } = await inside('plugins/teacher-dinov3/dist/model/model-file.js');
  await readModelFile(file, null);
}

const NETWORKS = [
  kind({
    name: 'onnx',
    file: 'a.onnx',
    make: () => samples.onnx({ network: samples.FACTS }),
    read: network,
    share: 40,
    base: 64,
  }),
  kind({ name: 'onnx-teacher', file: 'a.onnx', make: () => samples.onnx({}), read: teacher, share: 30 }),
];

const textsOf = (problems) => problems.map(({ file, message }) => `${file}: ${message}`);

async function dataset(file) {
  const { readDocument } = await inside('packages/data/dist/layouts/nnunet/document.js');
  const layout = { imageEndings: ['.nii.gz'], labelEndings: ['.nii.gz'], takesFolders: false, otherEndings: 'x' };
  const options = { labelValues: {}, channel: 0, window: null };
  return textsOf((await readDocument(join(file, '..'), layout, options)).problems);
}

async function splits(file) {
  const { planSplits } = await inside('packages/data/dist/splits/plan-splits.js');
  const cases = ['a', 'b', 'c', 'd'].map((id) => ({ id, image: id, label: id, isTest: false }));
  const options = {
    root: join(file, '..'),
    seed: 0,
    labelled: null,
    validation: 0,
    test: 0,
    unlabelled: [],
    patient: null,
    fold: 0,
  };
  return textsOf((await planSplits(cases, file, options)).problems);
}

/** A file of a run folder whose others are sound. */
function runFile(path, reader, others = {}) {
  return async (file) => {
    for (const [name, content] of Object.entries(others)) writeFileSync(join(file, '..', name), content);
    await (await inside(path))[reader](join(file, '..'), 'test');
  };
}

const evaluated = runFile('packages/cli/dist/results/read-run.js', 'readRun', { 'record.json': samples.RECORD });
const recorded = runFile('packages/cli/dist/results/read-run.js', 'readRun', {
  'evaluation-test.json': samples.EVALUATION,
});
async function specSample(directory) {
  const { writeSpec } = await inside('packages/trainer/dist/run/spec-file.js');
  const config = {
    use: { student: ['vnet'] },
    plugins: [{ id: 'vnet', name: '@dinomix/student-vnet', provides: ['student:vnet'] }],
  };
  await writeSpec({
    configFile: '/a/dinomix.config.ts',
    overrides: ['--seed 1'],
    configHash: 'abc',
    config,
    directory,
  });
  return readFileSync(join(directory, 'spec.json'));
}

const started = runFile('packages/cli/dist/train/spec-file.js', 'readSpec');

async function events(file) {
  const { readRun } = await inside('plugins/reporter-html/dist/history/read-run.js');
  writeFileSync(join(file, '../record.json'), samples.RECORD);
  await readRun(join(file, '..'), 4);
}

async function config(file) {
  const [{ loadConfigFile }, { settingsSchema }] = await Promise.all([
    inside('packages/core/dist/config/load.js'),
    inside('packages/core/dist/config/schema.js'),
  ]);
  const loaded = await loadConfigFile(file);
  const { plugins, use, ...settings } = loaded.config.value ?? loaded.config;
  const parsed = settingsSchema.safeParse(settings);
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => `${file}: ${message}`);
}

const configFile = (json) => `export default ${json};\n`;

/** Data alone: code of a config may do anything. */
const damagedConfig = (sound, pick) =>
  `export default ${damagedJson(sound, { ...pick, below: (count) => (count === 4 ? 1 : pick.below(count)) })};\n`;

const DOCUMENTS = [
  kind({
    name: 'dataset.json',
    file: 'dataset.json',
    make: () => samples.DATASET,
    damage: damagedJson,
    read: dataset,
    share: 40,
  }),
  kind({
    name: 'splits',
    file: 'splits.json',
    make: () => samples.SPLITS,
    damage: damagedJson,
    read: splits,
    share: 40,
  }),
  kind({
    name: 'evaluation',
    file: 'evaluation-test.json',
    make: () => samples.EVALUATION,
    damage: damagedJson,
    read: evaluated,
    share: 20,
  }),
  kind({
    name: 'record',
    file: 'record.json',
    make: () => samples.RECORD,
    damage: damagedJson,
    read: recorded,
    share: 20,
  }),
  kind({ name: 'spec', file: 'spec.json', make: specSample, damage: damagedJson, read: started, share: 20 }),
  kind({
    name: 'events',
    file: 'events.jsonl',
    make: () => samples.EVENTS,
    damage: damagedText,
    read: events,
    share: 20,
  }),
  kind({ name: 'vit-config', file: 'config.json', make: () => samples.VIT, damage: damagedJson, read: vit, share: 30 }),
  kind({
    name: 'config',
    sound: configFile,
    file: 'dinomix.config.mjs',
    make: () => samples.SETTINGS,
    damage: damagedConfig,
    read: config,
    share: 30,
  }),
];

/** Every kind, in an order that stays. */
export const KINDS = [...NIFTI, ...ITK, ...DICOM, ...ARRAYS, ...OWN, ...NETWORKS, ...DOCUMENTS];

/** Bytes that an input may take beside what is there: four times the file or 64 MiB, and the machinery of its kind. */
export function allowance({ base }, bytes) {
  return Math.max(64 * MIB, 4 * bytes) + base * MIB;
}

/**
 * Writes one input of a kind into a folder and returns its file and size.
 * @param pick - choices for the damage; null writes the sound file
 */
export async function writeInput(one, folder, pick) {
  const file = join(folder, one.file);
  mkdirSync(join(file, '..'), { recursive: true });
  const sound = await one.make(folder);
  const content = pick === null ? (one.sound ?? ((bytes) => bytes))(sound) : one.damage(sound, pick);
  writeFileSync(file, content);
  return { file, bytes: Buffer.byteLength(content) };
}
