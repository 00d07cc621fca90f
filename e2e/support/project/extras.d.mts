import type { PluginInstance } from '@dinomix/core';

export const plugins: readonly PluginInstance[];
export const train: { readonly epochs?: number };
