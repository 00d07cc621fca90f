import { fileURLToPath } from 'node:url';

/**
 * Imports an ES module by `file:` URL; TypeScript files of a user's own plugins are compiled on the way.
 * @throws Error when the module or the export is not there.
 */
export async function importExport(module: string, name: string): Promise<unknown> {
  const load = /\.[cm]?ts$/.test(module) ? await importTypeScript(module) : ((await import(module)) as object);
  const exported: unknown = Reflect.get(load, name);
  if (exported === undefined) {
    throw new Error(`${module} does not export "${name}"; it exports ${Object.keys(load).join(', ') || 'nothing'}`);
  }
  return exported;
}

async function importTypeScript(module: string): Promise<object> {
  const { createJiti } = await import('jiti');
  return createJiti(module).import<object>(fileURLToPath(module));
}
