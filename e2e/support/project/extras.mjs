// Replaced by what a test adds to the config.
export const plugins = [];
export const train = {};
