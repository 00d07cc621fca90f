import type { LoweringTable } from './context.js';
import { normLowerings } from './norm.js';
import { segmentationLossLowerings } from './segmentation-loss.js';

/** Operations of this backend's own kernels. */
export const fusedLowerings: LoweringTable = { ...normLowerings, ...segmentationLossLowerings };
