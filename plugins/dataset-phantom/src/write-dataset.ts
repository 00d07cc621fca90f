import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DmxError } from '@dinomix/core';
import { AMOS_TEST, AMOS_TRAIN, AMOS_VALIDATION, PHANTOM_MARK } from '@dinomix/data';
import { makeFolder, type Triple, writeFileAtomic, writeNifti } from '@dinomix/volume';
import { type Benchmark, FIELD_OF_VIEW, ORGANS, SMALLEST_SHAPE } from './classes.js';
import { generatePhantom } from './phantom.js';

/** Folder layouts that a data set of phantoms can be written in. */
export type PhantomLayout = 'synapse' | 'amos' | 'nnunet';

/** What to write. */
export interface WritePhantomRequest {
  readonly layout: PhantomLayout;
  readonly cases: number;
  readonly seed: number;
  /** Folder; made if it is not there. */
  readonly out: string;
  /** Voxels [d, h, w]. Default [80, 160, 160], for `amos` [96, 160, 160]. */
  readonly size?: Triple;
  /** `nnunet`: labels. Default `synapse`. */
  readonly classes?: Benchmark;
  /** `nnunet`: how many of the training cases get no label file. Default 0. */
  readonly unlabelled?: number;
  /** Standard deviation of the noise in HU. Default 12. */
  readonly noise?: number;
  /** Replaces files of the same name; without it they are an error. */
  readonly overwrite?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each case. */
  readonly onCase?: (written: { readonly id: string; readonly done: number; readonly total: number }) => void;
}

/** What was written. */
export interface WrittenPhantoms {
  readonly folder: string;
  /** Absolute paths. */
  readonly files: readonly string[];
}

/** Where one case goes: paths below the folder; `label` is null for a case without one. */
interface CaseFiles {
  readonly id: string;
  readonly image: string;
  readonly label: string | null;
}

interface LayoutPlan {
  readonly benchmark: Benchmark;
  /** Where the axes i, j, k point to. The layouts differ, as the real files do. */
  readonly orientation: string;
  readonly size: Triple;
  readonly cases: readonly CaseFiles[];
  readonly documents: Readonly<Record<string, unknown>>;
}

const four = (value: number) => String(value).padStart(4, '0');

// Cases of "Beyond the Cranial Vault" with labels are 1 to 10 and 21 to 40.
function synapsePlan(count: number): LayoutPlan {
  const cases = Array.from({ length: count }, (_, index) => {
    const id = four(index < 10 ? index + 1 : index + 11);
    const folder = join('RawData', 'Training');
    return { id, image: join(folder, 'img', `img${id}.nii.gz`), label: join(folder, 'label', `label${id}.nii.gz`) };
  });
  return { benchmark: 'synapse', orientation: 'LAS', size: [80, 160, 160], cases, documents: {} };
}

// AMOS22 has 240 cases in imagesTr and 120 in imagesVa; the published splits name them by their numbers, 1 to 600 with gaps.
const AMOS_PARTS = { Tr: [...AMOS_TRAIN, ...AMOS_VALIDATION].sort(), Va: AMOS_TEST };

function amosPlan(count: number): LayoutPlan {
  const validation = Math.floor(count / 3);
  const training = count - validation;
  const cases = Array.from({ length: count }, (_, index) => {
    const part = index < training ? 'Tr' : 'Va';
    const number = AMOS_PARTS[part][part === 'Tr' ? index : index - training] ?? four(361 + index);
    const id = `amos_${number}`;
    return { id, image: join(`images${part}`, `${id}.nii.gz`), label: join(`labels${part}`, `${id}.nii.gz`) };
  });
  const listed = (part: string) =>
    cases
      .filter(({ image }) => image.startsWith(`images${part}`))
      .map(({ id }) => ({ image: `./images${part}/${id}.nii.gz`, label: `./labels${part}/${id}.nii.gz` }));
  const labels = ['background', ...ORGANS.amos].map((name, value) => [String(value), name]);
  const document = {
    name: 'AMOS',
    description: 'Synthetic phantoms in the layout of AMOS22.',
    licence: 'Apache-2.0',
    tensorImageSize: '3D',
    modality: { '0': 'CT' },
    labels: Object.fromEntries(labels),
    numTraining: training,
    numValidation: validation,
    numTest: 0,
    training: listed('Tr'),
    validation: listed('Va'),
    test: [],
  };
  return {
    benchmark: 'amos',
    orientation: 'LPS',
    size: [96, 160, 160],
    cases,
    documents: { 'dataset.json': document },
  };
}

function nnunetPlan(count: number, benchmark: Benchmark, unlabelled: number): LayoutPlan {
  const test = count < 3 ? 0 : Math.max(1, Math.floor(count / 5));
  const training = count - test;
  const cases = Array.from({ length: count }, (_, index) => {
    const id = `phantom_${four(index + 1)}`;
    const part = index < training ? 'Tr' : 'Ts';
    const hasLabel = index < training - unlabelled || index >= training;
    return {
      id,
      image: join(`images${part}`, `${id}_0000.nii.gz`),
      label: hasLabel ? join(`labels${part}`, `${id}.nii.gz`) : null,
    };
  });
  const document = {
    name: 'Phantom',
    description: 'Synthetic abdominal CT.',
    licence: 'Apache-2.0',
    channel_names: { '0': 'CT' },
    labels: Object.fromEntries(['background', ...ORGANS[benchmark]].map((name, value) => [name, value])),
    numTraining: training - unlabelled,
    file_ending: '.nii.gz',
  };
  const size: Triple = benchmark === 'amos' ? [96, 160, 160] : [80, 160, 160];
  return { benchmark, orientation: 'RAS', size, cases, documents: { 'dataset.json': document } };
}

function planOf({ layout, cases, classes = 'synapse', unlabelled = 0 }: WritePhantomRequest): LayoutPlan {
  if (layout === 'synapse') return synapsePlan(cases);
  return layout === 'amos' ? amosPlan(cases) : nnunetPlan(cases, classes, unlabelled);
}

async function refuseExisting(folder: string, plan: LayoutPlan): Promise<void> {
  const names = [...plan.cases.flatMap(({ image, label }) => [image, label]), ...Object.keys(plan.documents)];
  for (const name of names) {
    if (name === null) continue;
    const file = join(folder, name);
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (!exists) continue;
    throw new DmxError({
      code: 'DMX_PHANTOM_EXISTS',
      summary: `${file} exists already`,
      why: 'Phantoms are not written over files that may be real data.',
      fix: 'Name an empty folder, or ask for overwriting.',
    });
  }
}

function assertRequest(request: WritePhantomRequest, { benchmark, size: defaultSize }: LayoutPlan): void {
  const { seed, unlabelled = 0, layout, cases, size = defaultSize } = request;
  const smallest = SMALLEST_SHAPE[benchmark];
  const wrong = [
    Number.isSafeInteger(seed) && seed >= 0 ? null : `seed is ${seed}, expected an integer from 0`,
    size.every((side, axis) => Number.isInteger(side) && side >= smallest[axis]! && side <= 1024)
      ? null
      : `size is [${size}], expected integers from [${smallest}], below which thin organs are lost, to 1024`,
    unlabelled === 0 || layout === 'nnunet'
      ? null
      : `unlabelled is ${unlabelled}, possible with the layout nnunet only`,
    unlabelled >= 0 && unlabelled < cases
      ? null
      : `unlabelled is ${unlabelled}, expected fewer than the ${cases} cases`,
  ].filter((problem) => problem !== null);
  if (wrong.length > 0) throw requestError(`${wrong.join('; ')}.`);
}

function requestError(why: string): DmxError {
  const summary = 'These phantoms cannot be written';
  return new DmxError({ code: 'DMX_PHANTOM_REQUEST', summary, why, fix: 'Correct the values.' });
}

/**
 * Writes phantoms as .nii.gz files in the folder layout of a benchmark. The same request gives the same voxels.
 *
 * @remarks `synapse`: RawData/Training/img and label, axes L A S. `amos`: imagesTr, labelsTr, imagesVa, labelsVa and
 * dataset.json, axes L P S. Both number the cases as the real data set does: 30 and 360 are all that published splits name.
 * `nnunet`: imagesTr, labelsTr, a fifth of the cases in imagesTs and labelsTs, dataset.json, axes R A S. Every file is
 * written to a temporary name and renamed.
 * @throws DMX_PHANTOM_REQUEST for values out of range, DMX_PHANTOM_EXISTS before anything is written, DMX_FILE_WRITE, and
 * the signal's reason between two cases.
 */
export async function writePhantomDataset(request: WritePhantomRequest): Promise<WrittenPhantoms> {
  const { cases } = request;
  if (!(Number.isInteger(cases) && cases >= 1 && cases <= 9999)) {
    throw requestError(`cases is ${cases}, expected 1 to 9999.`);
  }
  const plan = planOf(request);
  assertRequest(request, plan);
  const folder = resolve(request.out);
  if (request.overwrite !== true) await refuseExisting(folder, plan);
  const files: string[] = [];
  const prepare = async (name: string): Promise<string> => {
    const file = join(folder, name);
    await makeFolder(dirname(file));
    files.push(file);
    return file;
  };
  for (const [name, content] of Object.entries(plan.documents)) {
    await writeFileAtomic(await prepare(name), `${JSON.stringify(content, null, 2)}\n`);
  }
  const { orientation, benchmark } = plan;
  const shape = request.size ?? plan.size;
  const [organs, field] = [ORGANS[benchmark], FIELD_OF_VIEW[benchmark]];
  const noise = request.noise === undefined ? {} : { noise: request.noise };
  for (const [item, { id, image, label }] of plan.cases.entries()) {
    request.signal?.throwIfAborted();
    const phantom = generatePhantom({ seed: request.seed, item, shape, field, organs, orientation, ...noise });
    await writeNifti(await prepare(image), phantom.image, { description: PHANTOM_MARK });
    if (label !== null) await writeNifti(await prepare(label), phantom.label, { description: PHANTOM_MARK });
    request.onCase?.({ id, done: item + 1, total: plan.cases.length });
  }
  return { folder, files };
}
