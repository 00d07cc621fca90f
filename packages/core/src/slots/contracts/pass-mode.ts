/**
 * How the crops of a step pass through a student. `together`: one pass over all views as one batch, which shares batch
 * statistics. `by-view` and `by-crop`: a pass for each view, or for each crop, one after the other, with gradients added up:
 * the same losses for less memory and one more pass forward, and batch statistics of each pass.
 */
export type PassMode = 'together' | 'by-view' | 'by-crop';
