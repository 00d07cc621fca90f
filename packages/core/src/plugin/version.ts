import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** Version of this package. */
export const CORE_VERSION: string = manifest.version;

/** Level of the plugin API. It rises only when something is removed or changes its meaning; additions leave it. */
export const PLUGIN_API_LEVEL = 1;
