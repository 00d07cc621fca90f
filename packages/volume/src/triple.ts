/** Three numbers in the order of memory: z, y, x. */
export type Triple = readonly [z: number, y: number, x: number];
