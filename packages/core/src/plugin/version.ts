/** Version of this package; a test compares it with package.json. */
export const CORE_VERSION = '1.0.0';

/** Level of the plugin API. It rises only when something is removed or changes its meaning; additions leave it. */
export const PLUGIN_API_LEVEL = 1;
