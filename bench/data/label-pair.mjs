import { generatePhantom, ORGANS } from '@dinomix/dataset-phantom';

export const SHAPE = [80, 160, 160];
export const CLASSES = ORGANS.synapse.length + 1;

const ISLAND_RADIUS = 3;

/**
 * A phantom with the 13 organs of Synapse, and what a trained network makes of it: surfaces off by some voxels in smooth
 * waves, and for every third organ a small island far away, which widens the boxes that hold both masks.
 */
export function createLabelPair() {
  const reference = generatePhantom({
    seed: 1,
    item: 0,
    shape: SHAPE,
    field: 'abdomen',
    organs: ORGANS.synapse,
  }).label.data;
  const prediction = displace(reference);
  for (let label = 1; label < CLASSES; label += 3) addIsland(prediction, label);
  return { prediction, reference };
}

function displace(labels) {
  const [depth, height, width] = SHAPE;
  const moved = new Uint8Array(labels.length);
  const inside = (place, size) => Math.min(Math.max(Math.round(place), 0), size - 1);
  for (let z = 0, index = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        const fromZ = inside(z + Math.sin(x / 9 + y / 13), depth);
        const fromY = inside(y + 2 * Math.sin(z / 7 + x / 11), height);
        const fromX = inside(x + 2 * Math.sin(y / 8 + z / 10), width);
        moved[index] = labels[(fromZ * height + fromY) * width + fromX];
      }
    }
  }
  return moved;
}

function addIsland(labels, label) {
  const [, height, width] = SHAPE;
  const [centreZ, centreY, centreX] = [10 + 4 * label, 40 + 6 * label, 130 - 5 * label];
  for (let z = -ISLAND_RADIUS; z <= ISLAND_RADIUS; z++) {
    for (let y = -ISLAND_RADIUS; y <= ISLAND_RADIUS; y++) {
      for (let x = -ISLAND_RADIUS; x <= ISLAND_RADIUS; x++) {
        if (z * z + y * y + x * x > ISLAND_RADIUS ** 2) continue;
        labels[((centreZ + z) * height + centreY + y) * width + centreX + x] = label;
      }
    }
  }
}
