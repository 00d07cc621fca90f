"""A PyTorch DataLoader over memory-mapped, normalised arrays: random crops and flips of 2 labelled and 2 unlabelled cases a batch."""

import os
import tempfile

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

SHAPE, PATCH = (80, 160, 160), (64, 128, 128)


class Crops(Dataset):
    """An item is a whole batch: what a worker sends is then in one piece, which is the fastest way found."""

    def __init__(self, folder, cases, steps):
        self.images = [os.path.join(folder, f"{index}_image.npy") for index in range(cases)]
        self.labels = [os.path.join(folder, f"{index}_label.npy") for index in range(cases // 5)]
        self.steps = steps
        self.cases = cases
        self.opened = None

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        if self.opened is None:
            self.opened = [np.load(name, mmap_mode="r") for name in self.images + self.labels]
        first = self.cases // 5
        chosen = [*np.random.choice(first, 2, replace=False), *(first + np.random.choice(self.cases - first, 2, replace=False))]
        image = torch.empty((4, *PATCH), dtype=torch.float32)
        label = torch.empty((2, *PATCH), dtype=torch.uint8)
        for item, case in enumerate(chosen):
            at = [np.random.randint(0, size - side) for size, side in zip(SHAPE, PATCH)]
            box = tuple(slice(start, start + side) for start, side in zip(at, PATCH))
            flips = [axis for axis in (1, 2) if np.random.random() < 0.5]
            np.copyto(image[item].numpy(), np.flip(self.opened[case][box], flips))
            if item < 2:
                np.copyto(label[item].numpy(), np.flip(self.opened[self.cases + case][box], flips))
        return image, label


def create(request):
    folder = tempfile.mkdtemp(prefix="dinomix-loader-", dir=request.get("folder"))
    cases = request["cases"]
    length = SHAPE[0] * SHAPE[1] * SHAPE[2]
    for index in range(cases):
        values = ((np.arange(length) * 31 + index) % 400).astype(np.float32) / 399
        np.save(os.path.join(folder, f"{index}_image.npy"), values.reshape(SHAPE))
        if index < cases // 5:
            np.save(os.path.join(folder, f"{index}_label.npy"), (np.arange(length) % 14).astype(np.uint8).reshape(SHAPE))
    torch.set_num_threads(1)
    loader = DataLoader(
        Crops(folder, cases, 10**6), batch_size=None, num_workers=request["workers"], prefetch_factor=2, persistent_workers=True
    )
    batches = iter(loader)

    def run():
        voxels = 0
        for _ in range(request["batches"]):
            image, label = next(batches)
            voxels += image.numel() + label.numel()
        return voxels

    return run, {"torch": torch.__version__}
