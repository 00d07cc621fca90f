"""Writes nibabel.json: what nibabel reads from phantoms in the three layouts.

  npx tsc -b plugins/dataset-phantom
  for layout in synapse amos nnunet; do node --input-type=module -e "
    import { writePhantomDataset } from '@dinomix/dataset-phantom';
    const layout = '$layout', size = [48, 64, 80];
    await writePhantomDataset({ layout, cases: 1, seed: 7, size, out: '/tmp/phantoms/' + layout });"; done
  pip install nibabel==5.4.2 && python test/read_phantoms.py /tmp/phantoms > test/nibabel.json

Run the second command in a folder that resolves @dinomix/dataset-phantom.
"""

import hashlib
import json
import pathlib
import sys

import nibabel as nib
import numpy as np

root = pathlib.Path(sys.argv[1])
views = {}
for path in sorted(root.rglob("*.nii.gz")):
    image = nib.load(path)
    data = np.asanyarray(image.dataobj)
    assert np.allclose(image.get_sform(), image.get_qform(), atol=1e-4)
    views[path.relative_to(root).as_posix()] = {
        "shape": list(image.shape),
        "affine": image.affine.tolist(),
        "dtype": str(image.get_data_dtype()),
        "axes": "".join(nib.aff2axcodes(image.affine)),
        # NIfTI stores the first axis fastest.
        "sha256": hashlib.sha256(data.tobytes(order="F")).hexdigest(),
        "sum": int(data.sum(dtype=np.int64)),
    }
print(json.dumps(views, indent=1))
