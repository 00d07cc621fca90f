"""Boxes pasted around rare classes: plans as ours, applied to images, targets and their origin."""

from dataclasses import dataclass, field

import torch

SIDES = (0.25, 0.5)


@dataclass
class Sources:
    """Crops of a step; images `[b, 1, d, h, w]`, labels `[b, d, h, w]`. `donors` are further labelled crops."""

    labelled: torch.Tensor
    labels: torch.Tensor
    unlabelled: torch.Tensor
    pseudo: torch.Tensor
    donors: list = field(default_factory=list)

    def of(self, place):
        """Image `[d, h, w]`, labels and whether they are ground truth."""
        part, item = place["set"], place["item"]
        if part == "labelled":
            return self.labelled[item, 0], self.labels[item], 1.0
        if part == "unlabelled":
            return self.unlabelled[item, 0], self.pseudo[item], 0.0
        return *self.donors[item], 1.0


@dataclass
class Mixed:
    image: torch.Tensor
    target: torch.Tensor
    truth: torch.Tensor


def box_of(corner, size):
    return tuple(slice(start, start + side) for start, side in zip(corner, size))


def apply(items, sources, plan):
    """A whole crop each, then the boxes over it in order."""
    images, targets, truths = [], [], []
    for item in items:
        image, label, true = sources.of(item["base"])
        image, label, truth = image.clone(), label.clone(), torch.full(image.shape, true)
        for paste in item["pastes"]:
            from_image, from_label, from_true = sources.of(paste["source"])
            start, end = box_of(paste["from"], paste["size"]), box_of(paste["to"], paste["size"])
            image[end], label[end], truth[end] = from_image[start], from_label[start], from_true
        images.append(image)
        targets.append(label)
        truths.append(truth)
    return Mixed(torch.stack(images).unsqueeze(1), torch.stack(targets), torch.stack(truths))


def draw_box(label, probabilities):
    """A box around a voxel of a class, drawn from `probabilities` over the classes that the label has."""
    shape = label.shape
    present = torch.bincount(label.flatten(), minlength=len(probabilities)) > 0
    weight = probabilities * present
    size = [max(1, round(side * float(torch.empty(()).uniform_(*SIDES)))) for side in shape]
    if weight.sum() == 0:
        return [int(torch.randint(side - part + 1, ())) for side, part in zip(shape, size)], size
    voxels = (label.flatten() == int(weight.multinomial(1))).nonzero().flatten()
    voxel = int(voxels[torch.randint(len(voxels), ())])
    place = (voxel // (shape[1] * shape[2]), voxel // shape[2] % shape[1], voxel % shape[2])
    return [min(max(at - part // 2, 0), side - part) for at, part, side in zip(place, size, shape)], size


def draw_plan(sources, volumes):
    """One box for every crop, from a labelled donor of any volume or from an unlabelled crop of the batch."""
    probabilities = torch.ones(14)
    probabilities[0] = 0
    plan = {"pseudoWeight": 0.5}
    for part, count in (("labelled", len(sources.labelled)), ("unlabelled", len(sources.unlabelled))):
        plan[part] = []
        for item in range(count):
            others = [other for other in range(len(sources.unlabelled)) if part == "labelled" or other != item]
            if others and torch.rand(()) < 0.5:
                source = {"set": "unlabelled", "item": others[int(torch.randint(len(others), ()))]}
            else:
                image, label, _ = volumes.cut(1)
                sources.donors.append((image[0, 0], label[0]))
                source = {"set": "donor", "item": len(sources.donors) - 1}
            corner, size = draw_box(sources.of(source)[1], probabilities)
            paste = {"source": source, "from": corner, "to": corner, "size": size}
            plan[part].append({"base": {"set": part, "item": item}, "pastes": [paste]})
    return plan
