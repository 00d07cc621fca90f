"""Writes the folders test/fixtures/v2 and test/fixtures/decathlon with nibabel, and fixtures.json with their numbers.

  pip install nibabel==5.4.2 && python test/make-fixtures.py
"""

import json
import pathlib

import nibabel as nib
import numpy as np

here = pathlib.Path(__file__).parent / "fixtures"
rng = np.random.default_rng(5)
expected = {}


def write(path, data, affine):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, path)
    back = nib.load(path)
    values = np.asanyarray(back.dataobj)
    canonical = nib.as_closest_canonical(back)
    expected[path.relative_to(here).as_posix()] = {
        "shape": list(back.shape),
        "affine": back.affine.tolist(),
        "sum": float(values.sum(dtype=np.float64)),
        "counts": np.bincount(values.ravel().astype(int), minlength=3).tolist() if "labels" in path.parts[-2] else None,
        # The first voxels of the volume turned to RAS+, x fastest.
        "ras": np.asanyarray(canonical.dataobj).ravel(order="F")[:6].astype(float).tolist(),
    }


def case(folder, image_name, label_name, shape, affine, dtype=np.int16):
    image = rng.integers(-1000, 1000, shape).astype(dtype)
    label = (rng.integers(0, 6, shape) // 2).astype(np.uint8)
    write(here / folder / image_name, image, affine)
    if label_name is not None:
        write(here / folder / label_name, label, affine)


lps = np.diag([-1.5, -1.5, 3.0, 1.0])
lps[:3, 3] = [10, 20, -30]
oblique = np.eye(4)
angle = np.deg2rad(12)
oblique[:3, :3] = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]) @ np.diag(
    [0.8, 0.8, 2.5]
)

case("v2", "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", (7, 6, 5), lps)
case("v2", "imagesTr/b_0000.nii.gz", "labelsTr/b.nii.gz", (6, 8, 4), oblique)
case("v2", "imagesTr/c_0000.nii.gz", None, (5, 5, 5), lps)
case("v2", "imagesTr/c_0001.nii.gz", None, (5, 5, 5), lps)
case("v2", "imagesTs/d_0000.nii.gz", "labelsTs/d.nii.gz", (5, 6, 7), lps)
(here / "v2/dataset.json").write_text(
    json.dumps(
        {
            "name": "Made by nibabel",
            "channel_names": {"0": "CT", "1": "PET"},
            "labels": {"background": 0, "organ": 1, "tumour": 2},
            "numTraining": 3,
            "file_ending": ".nii.gz",
        },
        indent=1,
    )
)
case("decathlon", "imagesTr/la_0003.nii.gz", "labelsTr/la_0003.nii.gz", (6, 5, 4), lps, np.float32)
case("decathlon", "imagesTr/la_0004.nii.gz", "labelsTr/la_0004.nii.gz", (6, 5, 4), lps, np.float32)
case("decathlon", "imagesTs/la_0001.nii.gz", None, (6, 5, 4), lps, np.float32)
(here / "decathlon/dataset.json").write_text(
    json.dumps(
        {
            "name": "LeftAtrium",
            "licence": "CC-BY-SA 4.0",
            "modality": {"0": "MRI"},
            "labels": {"0": "background", "1": "left atrium", "2": "wall"},
            "numTraining": 2,
            "numTest": 1,
            "training": [
                {"image": f"./imagesTr/la_000{n}.nii.gz", "label": f"./labelsTr/la_000{n}.nii.gz"} for n in (3, 4)
            ],
            "test": ["./imagesTs/la_0001.nii.gz"],
        },
        indent=1,
    )
)
# Tasks of the Decathlon as they unpack: several modalities along a fourth axis, ids of unequal length, what macOS leaves behind.
prostate = [rng.integers(0, 2000, (6, 5, 4, 2)).astype(np.float32) for _ in range(3)]
for n, data in zip((0, 12, 3), prostate):
    folder = "imagesTs" if n == 3 else "imagesTr"
    write(here / f"prostate/{folder}/prostate_{n:02}.nii.gz", data, lps)
    expected[f"prostate/{folder}/prostate_{n:02}.nii.gz"]["channels"] = data.sum(axis=(0, 1, 2), dtype=np.float64).tolist()
    (here / f"prostate/{folder}/._prostate_{n:02}.nii.gz").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    if n != 3:
        write(here / f"prostate/labelsTr/prostate_{n:02}.nii.gz", (rng.integers(0, 6, (6, 5, 4)) // 2).astype(np.uint8), lps)
        (here / f"prostate/labelsTr/._prostate_{n:02}.nii.gz").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
(here / "prostate/dataset.json").write_text(
    json.dumps(
        {
            "name": "PROSTATE",
            "description": "Prostate transitional zone and peripheral zone segmentation",
            "reference": "Radboud University, Nijmegen Medical Centre",
            "licence": "CC-BY-SA 4.0",
            "release": "1.0 04/05/2018",
            "tensorImageSize": "4D",
            "modality": {"0": "T2", "1": "ADC"},
            "labels": {"0": "background", "1": "PZ", "2": "TZ"},
            "numTraining": 2,
            "numTest": 1,
            "training": [
                {"image": f"./imagesTr/prostate_{n}.nii.gz", "label": f"./labelsTr/prostate_{n}.nii.gz"} for n in ("00", "12")
            ],
            "test": ["./imagesTs/prostate_03.nii.gz"],
        },
        indent=1,
    )
)
(here / "fixtures.json").write_text(json.dumps(expected, indent=1) + "\n")
