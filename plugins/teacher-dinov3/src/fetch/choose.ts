import { teacherError } from '../errors.js';
import type { HubFile } from './hub.js';

/** What is wanted of a repository. */
export interface Wanted {
  /** Names of files; null chooses those that the teacher needs. */
  readonly files: readonly string[] | null;
  /** Which ONNX export, where there are several. */
  readonly precision: 'float32' | 'float16';
}

/** Files that are taken, in the order of their download. */
export interface Choice {
  readonly files: readonly HubFile[];
  /** `safetensors` has to be converted; `onnx` is loaded as it is. */
  readonly kind: 'safetensors' | 'onnx' | 'other';
  /** The licence's text among them; null where the repository has none. */
  readonly licence: string | null;
}

const SEGMENT = /^[\w][\w.+-]{0,127}$/;
/** Names of devices on Windows. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
/** Our own files in the folder. */
const OWN = /(?:^|\/)(?:receipt\.json|.*\.partial(?:\.json)?)$/i;
const LICENCE = /^(?:licen[cs]e|notice)(?:\.(?:md|txt))?$/i;
const SMALL = /^(?:config|preprocessor_config)\.json$/;
const SHARD = /^model-\d{5}-of-\d{5}\.safetensors$/;
const DEEPEST = 4;

/** Whether a name from a server stays inside a folder on every system. */
export function isSafeName(path: string): boolean {
  const segments = path.split('/');
  return (
    segments.length <= DEEPEST &&
    !OWN.test(path) &&
    segments.every((segment) => SEGMENT.test(segment) && !segment.endsWith('.') && !DEVICE.test(segment))
  );
}

function named(all: readonly HubFile[], names: readonly string[], id: string): Choice {
  const files = names.map((name) => {
    const file = all.find(({ path }) => path === name);
    if (file !== undefined) return file;
    throw teacherError('DMX_FETCH_FILES', {
      summary: `${id} has no file "${name}"`,
      why: `It has ${shown(all)}.`,
      fix: 'Name files as they stand in the repository.',
    });
  });
  const kinds = (['safetensors', 'onnx'] as const).filter((kind) => names.some((name) => name.endsWith(`.${kind}`)));
  return { files, kind: kinds[0] ?? 'other', licence: files.find(({ path }) => LICENCE.test(path))?.path ?? null };
}

function shown(files: readonly HubFile[]): string {
  const names = files.slice(0, 30).map(({ path }) => path.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 100));
  return names.length === 0 ? 'no files' : `${names.join(', ')}${files.length > 30 ? ', ...' : ''}`;
}

function weights(all: readonly HubFile[], precision: Wanted['precision']): Omit<Choice, 'licence'> | null {
  const find = (name: string): HubFile | undefined => all.find(({ path }) => path === name);
  const whole = find('model.safetensors');
  if (whole !== undefined) return { kind: 'safetensors', files: [whole] };
  const index = find('model.safetensors.index.json');
  if (index !== undefined)
    return { kind: 'safetensors', files: [index, ...all.filter(({ path }) => SHARD.test(path))] };
  const suffix = precision === 'float16' ? '_fp16' : '';
  for (const name of [`onnx/model${suffix}.onnx`, `model${suffix}.onnx`]) {
    const model = find(name);
    // Weights beside the model: model.onnx_data, and model.onnx_data_1 and so on.
    const beside = all.filter(({ path }) => path.startsWith(`${name}_data`));
    if (model !== undefined) return { kind: 'onnx', files: [model, ...beside] };
  }
  return null;
}

/**
 * Chooses the files that the teacher needs: weights, config.json and the text of the licence.
 * @throws DmxError `DMX_FETCH_FILES` where there are none that it takes, or a name would leave the folder.
 */
export function chooseFiles(all: readonly HubFile[], id: string, wanted: Wanted): Choice {
  const choice = wanted.files === null ? usual(all, id, wanted.precision) : named(all, wanted.files, id);
  const unsafe = choice.files.find(({ path }) => !isSafeName(path));
  if (unsafe === undefined) return choice;
  throw teacherError('DMX_FETCH_FILES', {
    summary: `${id} names a file that is not written`,
    why: `"${unsafe.path.slice(0, 200)}" would leave the folder, or is no name on every system.`,
    fix: 'Do not trust this repository or mirror. Nothing was downloaded.',
  });
}

function usual(all: readonly HubFile[], id: string, precision: Wanted['precision']): Choice {
  const found = weights(all, precision);
  if (found === null) {
    const pickled = all.some(({ path }) => /\.(?:pt|pth|bin)$/.test(path));
    throw teacherError('DMX_FETCH_FILES', {
      summary: `${id} has no weights that the teacher takes`,
      why: `Wanted: model.safetensors, its shards, or onnx/model.onnx. It has ${shown(all)}.`,
      fix: pickled
        ? 'Files of torch.save are programs and are not read: save the tensors with safetensors.torch.save_file in PyTorch, then "dinomix teacher convert".'
        : 'Name another repository, or its files with --files.',
    });
  }
  const licences = all.filter(({ path }) => LICENCE.test(path));
  const small = all.filter(({ path }) => SMALL.test(path));
  return { kind: found.kind, files: [...licences, ...small, ...found.files], licence: licences[0]?.path ?? null };
}
