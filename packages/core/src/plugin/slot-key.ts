import type { SlotName } from '../slots/tokens.js';

/** `<slot>:<id>`, e.g. `mixer:pic`. Ids are lower case letters, digits and `-`. */
export type SlotKey = `${SlotName}:${string}`;
