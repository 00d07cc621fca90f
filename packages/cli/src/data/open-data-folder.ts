import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '@dinomix/core';
import { openPluginAlone } from '../backend-host.js';
import type { CommandContext } from '../command.js';
import type { Tensors } from '../config.js';
import { usageError } from '../errors.js';

const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);
const NIFTI = /\.nii(\.gz)?$/i;

/** Parts that show how a folder is laid out, the surest first. */
const LAYOUTS: readonly (readonly [plugin: string, isSo: (root: string) => boolean])[] = [
  ['amos', (root) => ['imagesTr', 'imagesVa'].every((name) => existsSync(join(root, name)))],
  [
    'nnunet',
    (root) =>
      existsSync(join(root, 'dataset.json')) && namesIn(join(root, 'imagesTr')).some((name) => NIFTI.test(name)),
  ],
  ['itk', (root) => existsSync(join(root, 'dataset.json')) && existsSync(join(root, 'imagesTr'))],
  ['nnunet', (root) => existsSync(join(root, 'dataset.json'))],
  [
    'synapse',
    (root) =>
      ['RawData/Training/img', 'Abdomen/RawData/Training/img', 'Training/img', 'img', 'imagesTr'].some((name) =>
        namesIn(join(root, name)).some((file) => /^img\d{4}\.nii/.test(file)),
      ),
  ],
];

/**
 * Opens the data set of a folder without a config, with the default options of the plugin that reads its layout.
 * @throws DMX_CLI_DATA_FOLDER where no layout is recognised, DMX_CLI_PACKAGE where the plugin is not installed.
 */
export async function openDataFolder(context: CommandContext, root: string): Promise<Host<Tensors>> {
  if (!existsSync(root)) throw usageError('DMX_CLI_DATA_FOLDER', { folder: root, problem: 'There is no such folder.' });
  const [id] = LAYOUTS.find(([, isSo]) => isSo(root)) ?? [];
  if (id === undefined) {
    const problem = 'It has neither a dataset.json, nor imagesTr and imagesVa, nor img and label with img0001.nii.gz.';
    throw usageError('DMX_CLI_DATA_FOLDER', { folder: root, problem });
  }
  return openPluginAlone(context, `@dinomix/dataset-${id}`, 'dataset', `a folder laid out for "${id}"`, { root });
}
