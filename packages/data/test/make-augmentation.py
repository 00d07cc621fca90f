"""Writes augmentation.json: what batchgenerators and scipy make of one small crop.

  python3 -m venv venv && venv/bin/pip install numpy==1.26.4 scipy==1.15.3 batchgenerators==0.25.1
  venv/bin/python test/make-augmentation.py > test/numbers/augmentation.json
"""

import json
import sys
from unittest.mock import patch

import numpy as np
from batchgenerators.augmentations.color_augmentations import augment_contrast, augment_gamma
from batchgenerators.augmentations.utils import create_zero_centered_coordinate_mesh, interpolate_img, rotate_coords_3d, scale_coords
from scipy.ndimage import gaussian_filter

SHAPE = (6, 8, 10)
rng = np.random.default_rng(0)
image = gaussian_filter(rng.random(SHAPE), 1).astype(np.float32)
label = (gaussian_filter(rng.random(SHAPE), 1) * 40 % 4).astype(np.uint8)


def resampled(coords):
    coords = np.array([axis + size / 2 - 0.5 for axis, size in zip(coords, SHAPE)])
    return {
        "image": interpolate_img(image, coords, 1, "constant", 0).ravel().tolist(),
        "label": interpolate_img(label, coords, 1, "constant", 0, is_seg=True).astype(int).ravel().tolist(),
    }


def drawn(function, value):
    """Calls a random augmentation with its draws fixed to `value`."""
    with patch("numpy.random.uniform", lambda *_: value), patch("numpy.random.random", lambda: 0.0):
        return function(image[None].copy())[0].ravel().tolist()


mesh = lambda: create_zero_centered_coordinate_mesh(SHAPE)
result = {
    "shape": SHAPE,
    "image": image.ravel().tolist(),
    "label": label.ravel().tolist(),
    "steps": [
        {"kind": "rotate", "value": 0.2, **resampled(rotate_coords_3d(mesh(), 0.2, 0, 0))},
        {"kind": "scale", "value": 0.75, **resampled(scale_coords(mesh(), 0.75))},
        {"kind": "blur", "value": 0.9, "image": gaussian_filter(image.astype(np.float64), 0.9).ravel().tolist()},
        {"kind": "brightness", "value": 0.8, "image": (image * 0.8).ravel().tolist()},
        {"kind": "contrast", "value": 0.8, "image": drawn(lambda x: augment_contrast(x, (0.7, 1.3), True, True), 0.8)},
        {"kind": "gamma", "value": 0.8, "image": drawn(lambda x: augment_gamma(x, (0.7, 1.3), False, 1e-7, True, True), 0.8)},
    ],
}
json.dump(result, sys.stdout)
