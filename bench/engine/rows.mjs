/** The rows of the group: what both sides run, and how many timed steps by default. `peers/workloads.py` has the same sizes. */
export const ROWS = [
  { name: 'vnet16-2x32x64x64', network: 'vnet', steps: 24, block: 3 },
  { name: 'vnet16-2x48x96x96', network: 'vnet', steps: 15, block: 3 },
  { name: 'unet2d16-8x256x256', network: 'unet2d', steps: 18, block: 3 },
  {
    name: 'sliding-window-vnet16',
    shape: [80, 160, 160],
    window: [64, 128, 128],
    stride: [16, 32, 32],
    classes: 14,
    steps: 8,
    block: 2,
  },
];

export const SLOPE = 0.01;
