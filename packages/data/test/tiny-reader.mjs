// Reads made-up cases: plain JavaScript, so that loader threads can import it. See tiny-reader.d.mts.
import { createRng, createVolume } from '@dinomix/volume';

/** Noise, with a bright box of class 1 and a brighter, smaller one of class 2 at places that depend on the id. */
export function createTinyReader({ shape, seed }) {
  return {
    async readCase(id, role) {
      if (id.startsWith('broken')) throw new Error(`${id}.nii.gz ends after 17 bytes`);
      const rng = createRng({ seed, stream: `tiny/${id}` });
      const [depth, height, width] = shape;
      const image = new Float32Array(depth * height * width);
      rng.fillNormal(image, 0, 10);
      const label = new Uint8Array(image.length);
      for (const [value, side, intensity] of [
        [1, 4, 100],
        [2, 2, 200],
      ]) {
        const corner = shape.map((size) => rng.integer(0, size - side + 1));
        for (let z = 0; z < side; z++)
          for (let y = 0; y < side; y++)
            for (let x = 0; x < side; x++) {
              const index = ((corner[0] + z) * height + corner[1] + y) * width + corner[2] + x;
              image[index] += intensity - (label[index] > 0 ? 100 : 0);
              label[index] = value;
            }
      }
      return {
        id,
        role,
        files: { image: `${id}.nii.gz`, label: role === 'unlabelled' ? null : `${id}-label.nii.gz` },
        image: createVolume({ data: image, shape, spacing: [2, 1, 1] }),
        label: role === 'unlabelled' ? null : createVolume({ data: label, shape, spacing: [2, 1, 1] }),
      };
    },
  };
}
