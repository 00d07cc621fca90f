import { stat } from 'node:fs/promises';

const find = (path: string) => stat(path).catch(() => null);

export async function isFile(path: string): Promise<boolean> {
  return (await find(path))?.isFile() === true;
}

export async function isFolder(path: string): Promise<boolean> {
  return (await find(path))?.isDirectory() === true;
}
