"""A CT to labels with nibabel, PyTorch and MONAI: python predict_ct.py IMAGE OUT FACTS, the facts as JSON."""

import json
import sys

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from monai.inferers import sliding_window_inference

import workloads
from exchange import read_safetensors
from p1_network import P1VNet, load_weights
from p1_validate import gaussian

SLICES = 8


def prepare(scan, facts):
    """Intensities `[d, h, w]` as the network takes them: resized, clipped, normalised."""
    image = torch.from_numpy(np.asanyarray(scan.dataobj).T)[None, None].float()
    if facts["shape"] is not None:
        image = F.interpolate(image, facts["shape"], mode="trilinear", align_corners=False)
    for step in facts["steps"]:
        if step["kind"] == "clip":
            image = image.clamp(step["low"], step["high"])
        elif step["kind"] == "min-max":
            image = (image - image.min()) / (image.max() - image.min())
        else:
            image = (image - step["subtract"]) / step["divide"]
    return image


def open_network(facts, device):
    tensors, _ = read_safetensors(facts["first"])
    network = P1VNet(facts["filters"]).eval()
    load_weights(network, tensors, "student/vnet/")
    return workloads.fold_batch_norm(network).to(device, memory_format=torch.channels_last_3d)


def labels_on(probabilities, shape):
    """Most probable classes on the grid of the file, some slices at a time: all at once would take gigabytes."""
    if list(probabilities.shape[2:]) == list(shape):
        return probabilities[0].argmax(0).to(torch.uint8)
    depth = probabilities.shape[2]
    places = ((torch.arange(shape[0]) + 0.5) * (depth / shape[0]) - 0.5).clamp(0, depth - 1)
    lower = places.floor().long()
    upper, share = (lower + 1).clamp(max=depth - 1), (places - lower)[:, None, None, None]
    classes = probabilities[0].movedim(0, 1)
    labels = torch.empty(shape, dtype=torch.uint8)
    for first in range(0, shape[0], SLICES):
        part = slice(first, first + SLICES)
        planes = torch.lerp(classes[lower[part]], classes[upper[part]], share[part].to(classes.device))
        labels[part] = F.interpolate(planes, shape[1:], mode="bilinear", align_corners=False).argmax(1).to(torch.uint8)
    return labels


def main():
    source, out, facts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    torch.set_num_threads(facts["threads"])
    device = torch.device(facts["device"])
    scan = nibabel.load(source)
    network = open_network(facts, device)
    with torch.inference_mode():
        image = prepare(scan, facts).to(device)
        predict = lambda x: torch.softmax(network(x.contiguous(memory_format=torch.channels_last_3d))[0], 1)
        # MONAI's own map bounds the product of the three axes from below, ours each of them.
        window = {"mode": "gaussian", "roi_weight_map": gaussian(facts["patch"]).to(device), "overlap": facts["overlap"]}
        probabilities = sliding_window_inference(image, facts["patch"], 1, predict, **window)
        labels = labels_on(probabilities, scan.shape[::-1])
    nibabel.save(nibabel.Nifti1Image(labels.cpu().numpy().T, scan.affine), out)


if __name__ == "__main__":
    sys.exit(main())
