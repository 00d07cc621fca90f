export { main, type Surroundings } from './main.js';
export type { InstalledPackage, Packages } from './packages.js';
export type { Terminal } from './terminal.js';
