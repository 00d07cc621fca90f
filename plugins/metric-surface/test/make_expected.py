"""Writes expected.json with MedPy, MONAI and DeepMind's surface-distance themselves.

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 scipy==1.17.1 nibabel==5.4.2 medpy==0.5.2 surface-distance==0.1 torch==2.15.0
    venv/bin/pip install --no-deps monai==1.6.1
    apt-get install mricron-data insighttoolkit5-examples
    venv/bin/python plugins/metric-surface/test/make_expected.py

The tests read the numbers and need none of this. Of the real atlases only numbers are kept, the label maps are not.
"""

import json
import pathlib
import warnings

import nibabel as nib
import numpy as np
import torch
from medpy.metric import binary
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy import ndimage

# surface-distance 0.1 was written for older libraries.
np.Inf = np.inf
import surface_distance.metrics as deepmind  # noqa: E402

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20261126)
TOLERANCE = 1.5


def medpy(a, b, spacing):
    return {
        "asd": binary.asd(a, b, spacing),
        "assd": binary.assd(a, b, spacing),
        "hd95": binary.hd95(a, b, spacing),
    }


def monai(a, b, spacing):
    pair = [torch.from_numpy(mask)[None, None].float() for mask in (a, b)]
    common = {"include_background": True, "spacing": list(spacing)}
    return {
        "asd": compute_average_surface_distance(*pair, **common),
        "assd": compute_average_surface_distance(*pair, symmetric=True, **common),
        "hd95": compute_hausdorff_distance(*pair, percentile=95, **common),
        "nsd": compute_surface_dice(*pair, class_thresholds=[TOLERANCE], **common),
    }


def surface_distance(a, b, spacing):
    found = deepmind.compute_surface_distances(b, a, spacing)
    forth, forth_area = found["distances_pred_to_gt"], found["surfel_areas_pred"]
    back, back_area = found["distances_gt_to_pred"], found["surfel_areas_gt"]
    return {
        "asd": deepmind.compute_average_surface_distance(found)[1],
        "assd": ((forth * forth_area).sum() + (back * back_area).sum()) / (forth_area.sum() + back_area.sum()),
        "hd95": deepmind.compute_robust_hausdorff(found, 95),
        "nsd": deepmind.compute_surface_dice_at_tolerance(found, TOLERANCE),
    }


TOOLS = {"medpy": medpy, "monai": monai, "deepmind": surface_distance}


def values(prediction, reference, spacing):
    """tool -> unit -> measure -> numbers of the classes 1, 2, ..., null where one side lacks the class."""
    classes = range(1, int(max(prediction.max(), reference.max())) + 1)
    result = {}
    for tool, measure in TOOLS.items():
        result[tool] = {}
        for unit, steps in (("mm", spacing), ("voxel", (1.0, 1.0, 1.0))):
            rows = []
            for label in classes:
                a, b = prediction == label, reference == label
                rows.append(measure(a, b, steps) if a.any() and b.any() else None)
            names = next(row for row in rows if row).keys()
            result[tool][unit] = {name: [None if row is None else float(row[name]) for row in rows] for name in names}
    return result


def blobs(shape, smooth, classes):
    fields = np.stack([ndimage.gaussian_filter(rng.normal(size=shape), smooth) for _ in range(classes)])
    labels = fields.argmax(0) + 1
    labels[fields.max(0) < np.quantile(fields.max(0), 0.5)] = 0
    return labels.astype(np.uint8)


def case(name, spacing, prediction, reference):
    digits = lambda labels: "".join(map(str, labels.ravel()))
    return {
        "name": name,
        "shape": prediction.shape,
        "spacing": spacing,
        "prediction": digits(prediction),
        "reference": digits(reference),
        "values": values(prediction, reference, spacing),
    }


def empty(shape):
    return np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)


def random_blobs():
    return case("random blobs, some at the border", (2.5, 0.8, 1.3), blobs((9, 12, 11), 1.5, 3), blobs((9, 12, 11), 1.5, 3))


def random_noise():
    draw = lambda: rng.choice(4, size=(6, 7, 8), p=(0.4, 0.2, 0.2, 0.2)).astype(np.uint8)
    return case("random noise", (3.0, 1.0, 0.7), draw(), draw())


def border():
    a, b = empty((6, 8, 7))
    a[:4, :, :5] = 1
    b[2:, 1:, :] = 1
    a[4:, :, 5:] = 2
    b[:2, :, :] = 2
    return case("boxes against every border", (5.0, 1.0, 1.0), a, b)


def single_voxels():
    a, b = empty((5, 6, 7))
    a[0, 0, 0] = b[4, 5, 6] = 1
    a[2, 3, 3] = b[2, 3, 3] = 2
    a[3, 0, 0] = 3
    b[0, 0, 6] = b[4, 0, 6] = 3
    return case("single voxels", (2.0, 0.5, 1.5), a, b)


def sheets():
    a, b = empty((7, 8, 9))
    a[3] = b[5] = 1
    a[:3, 2, :] = b[:3, :, 4] = 2
    a[6, 0, :] = b[6, :, 0] = 3
    return case("thin sheets and lines", (3.0, 0.9, 0.9), a, b)


def shifted(labels):
    """What is at (z, y, x) comes from (z - 1, y - 2, x + 1)."""
    moved = np.zeros_like(labels)
    moved[1:, 2:, :-1] = labels[:-1, :-2, 1:]
    return moved


def real(name, file, labels):
    image = nib.load(file)
    # From (i, j, k) to (z, y, x).
    raw = np.asarray(image.dataobj).T
    reference = np.zeros(raw.shape, np.uint8)
    for index, label in enumerate(labels, start=1):
        reference[raw == label] = index
    spacing = tuple(float(step) for step in image.header.get_zooms()[2::-1])
    return {
        "name": name,
        "file": file,
        "labels": labels,
        "spacing": spacing,
        "voxels": [int((reference == index).sum()) for index in range(1, len(labels) + 1)],
        "values": values(shifted(reference), reference, spacing),
    }


AAL = "/usr/share/mricron/templates/aal.nii.gz"
ITK = "/usr/share/doc/insighttoolkit5-examples/examples/Data/KmeansTest_T1KmeansPrelimSegmentation.nii.gz"
out = {
    "tolerance": TOLERANCE,
    "cases": [random_blobs(), random_noise(), border(), single_voxels(), sheets()],
    "real": [
        real("AAL atlas", AAL, [1, 2, 21, 29, 37, 41, 71, 73, 77, 90, 109, 116]),
        real("ITK brain tissue", ITK, [2, 3, 4, 5]),
    ],
}
target = pathlib.Path(__file__).parent / "expected.json"
target.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(target.stat().st_size, "bytes")
