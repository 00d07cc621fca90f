"""P1 with nibabel and torch: whole volume to 80x160x160, clip, own minimum and maximum; saved as the published scripts do."""

import os
import shutil

import nibabel
import numpy as np
import torch

SHAPE = (80, 160, 160)
LOW, HIGH = -75, 275


def prepare(files, cache, name):
    image = np.asanyarray(nibabel.load(files["image"]).dataobj)
    label = np.asanyarray(nibabel.load(files["label"]).dataobj)
    resize = torch.nn.functional.interpolate
    # The transposed view is what SimpleITK's (z, y, x) would be; torch keeps it without a copy until it needs one.
    image = resize(torch.from_numpy(image.T)[None, None].float(), SHAPE, mode="trilinear", align_corners=False)[0, 0]
    label = resize(torch.from_numpy(label.T)[None, None], SHAPE, mode="nearest")[0, 0]
    image = image.clamp_(LOW, HIGH).numpy()
    low = image.min()
    image = (image - low) / (image.max() - low)
    np.save(os.path.join(cache, f"{name}_image.npy"), image)
    np.save(os.path.join(cache, f"{name}_label.npy"), label.numpy())
    return float(image.mean())


def create(request):
    torch.set_num_threads(1)
    cache = request["cache"]

    def run():
        shutil.rmtree(cache, ignore_errors=True)
        os.makedirs(cache)
        return [prepare(files, cache, index) for index, files in enumerate(request["files"])][0]

    return run, {"torch": torch.__version__, "nibabel": nibabel.__version__}
