"""Training steps of the protocol P1: supervised, and DINO-Mix with mean teacher, pasted boxes and distilled tokens.

The first step has our first crops, weights, tokens and boxes without dropout, where the request names the file of it in `first`.
"""

import copy
import json

import torch
from torch import nn

import p1_mix
import vit
from exchange import read_safetensors, torch_kernel
from p1_network import CLASSES, P1VNet, cross_entropy_dice, load_weights, token_distance

RATE, MOMENTUM, DECAY, DROPOUT = 0.1, 0.9, 3e-5, 0.5
CASES = 4


class Volumes:
    """Prepared cases in memory, from which crops are cut: images in [0, 1], labels, tokens on a grid of 8 voxels."""

    def __init__(self, shape, patch, channels=None):
        self.shape, self.patch = shape, patch
        self.images = [torch.rand(shape) for _ in range(CASES)]
        self.labels = [torch.randint(0, CLASSES, shape) for _ in range(CASES)]
        cells = [-(-side // 8) for side in shape]
        self.tokens = [torch.randn(*cells, channels) for _ in range(CASES)] if channels else None

    def cut(self, count):
        """Images `[b, 1, d, h, w]`, labels, and tokens of `count` random crops with flips of y and x."""
        images, labels, tokens = [], [], []
        for _ in range(count):
            case = int(torch.randint(CASES, ()))
            at = [int(torch.randint(side - part + 1, ())) for side, part in zip(self.shape, self.patch)]
            flips = [axis for axis in (1, 2) if torch.rand(()) < 0.5]
            box = tuple(slice(start, start + part) for start, part in zip(at, self.patch))
            images.append(self.images[case][box].flip(flips))
            labels.append(self.labels[case][box].flip(flips))
            if self.tokens:
                cells = tuple(slice(start // 8, start // 8 + part // 8) for start, part in zip(at, self.patch))
                tokens.append(self.tokens[case][cells].flip(flips).permute(3, 0, 1, 2))
        return torch.stack(images).unsqueeze(1), torch.stack(labels), torch.stack(tokens) if tokens else None


def optimizer_of(parameters, fused):
    return torch.optim.SGD(
        parameters, lr=RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY, **({"fused": True} if fused else {})
    )


class Training:
    """What both trainings share."""

    def __init__(self, request, settings):
        torch.manual_seed(0)
        self.settings = settings
        self.device = torch.device(request.get("device", "cpu"))
        self.layout = torch.channels_last_3d if settings["channels_last"] else torch.contiguous_format
        self.online_seconds = 0
        self.tensors = self.plan = None
        self.student = P1VNet(request["filters"], settings["checkpoint"])
        if request.get("first"):
            self.tensors, metadata = read_safetensors(request["first"])
            self.plan = json.loads(metadata["plan"])
            load_weights(self.student, self.tensors, "student/vnet/")
        self.student = self.student.to(self.device, memory_format=self.layout)

    def compiled(self, function):
        return torch.compile(function) if self.settings["compile"] else function

    def place(self, image):
        return image.to(self.device).contiguous(memory_format=self.layout)

    def first_crops(self, part):
        """Image, labels and tokens of a part of our first batch."""
        image = self.tensors[f"{part}/image"].unsqueeze(1)
        label = self.tensors.get(f"{part}/label")
        tokens = self.tensors.get(f"{part}/tokens")
        return image, None if label is None else label.long(), None if tokens is None else tokens.permute(0, 4, 1, 2, 3)

    def masks(self, batch, rate):
        return [mask.to(self.device) for mask in self.student.draw_masks(batch, rate)]

    def update(self, terms, weights):
        """Backward pass and optimizer. @returns the unweighted sum of the terms."""
        sum(weight * term for weight, term in zip(weights, terms)).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return sum(term.item() for term in terms)

    def run(self):
        """One step. @returns the sum of its terms."""
        value = self.step(self.tensors is not None)
        self.tensors = None
        return value


class Supervised(Training):
    def __init__(self, request, settings):
        super().__init__(request, settings)
        self.batch = request["labelled"]
        self.volumes = Volumes(request["volume"], request["patch"])
        self.optimizer = optimizer_of(self.student.parameters(), settings["fused_sgd"])
        self.forward = self.compiled(self.loss)

    def loss(self, image, labels, masks):
        logits, _ = self.student(image, masks)
        return cross_entropy_dice(logits, labels)

    def step(self, first):
        image, labels, _ = self.first_crops("labelled") if first else self.volumes.cut(self.batch)
        masks = self.masks(len(image), 0 if first else DROPOUT)
        loss = self.forward(self.place(image), labels.to(self.device), masks)
        return self.update([loss], [1])


class Dinomix(Training):
    def __init__(self, request, settings):
        super().__init__(request, settings)
        self.batch = (request["labelled"], request["unlabelled"])
        channels = request["tokenChannels"]
        self.volumes = Volumes(request["volume"], request["patch"], channels)
        self.head = nn.Conv3d(self.student.filters << 3, channels, 1)
        if self.tensors is not None:
            prefix = "student/vnet/loss/fkd/projection"
            with torch.no_grad():
                self.head.weight.copy_(torch_kernel(self.tensors[f"{prefix}.filter"]))
                self.head.bias.copy_(self.tensors[f"{prefix}.bias"])
        self.head = self.head.to(self.device, memory_format=self.layout)
        self.teacher = copy.deepcopy(self.student).eval().requires_grad_(False)
        self.teacher.saving = False
        self.optimizer = optimizer_of([*self.student.parameters(), *self.head.parameters()], settings["fused_sgd"])
        self.online = vit.TokenTeacher(self.device, settings["compile"]) if request.get("online") else None
        self.iteration = 0
        self.forward = self.compiled(self.terms)
        self.teach = self.compiled(self.probabilities)

    def probabilities(self, image):
        return torch.softmax(self.teacher(image)[0], 1).max(1)

    def terms(self, images, targets, weights, tokens, masks):
        """Images `[labelled, mixed-labelled, mixed-unlabelled, unlabelled]` as one batch, so that they share batch statistics; of the last only a
        feature is taken."""
        sizes = [len(image) for image in images[:3]]
        logits, x4 = self.student(torch.cat(images), masks, sum(sizes))
        labelled, mixed_labelled, mixed_unlabelled = logits.split(sizes)
        supervised = cross_entropy_dice(labelled, targets[0]) + cross_entropy_dice(mixed_labelled, targets[1], weights[0])
        consistency = cross_entropy_dice(mixed_unlabelled, targets[2], weights[1])
        ends = torch.cat([x4[: len(images[0])], x4[-len(images[3]) :]])
        return supervised, consistency, token_distance(self.head(ends), tokens)

    def average(self):
        """theta_t <- a theta_t + (1 - a) theta_s, a = min(1 - 1 / (i + 1), 0.99), buffers too."""
        take = 1 - min(1 - 1 / (self.iteration + 1), 0.99)
        own, new = ([*net.parameters(), *(b for b in net.buffers() if b.is_floating_point())] for net in (self.teacher, self.student))
        with torch.no_grad():
            torch._foreach_lerp_(own, [value.detach() for value in new], take)
        self.iteration += 1

    def step(self, first):
        crops = [self.first_crops(part) if first else self.volumes.cut(n) for part, n in zip(("labelled", "unlabelled"), self.batch)]
        (labelled, labels, tokens_l), (unlabelled, _, tokens_u) = crops
        tokens = torch.cat([tokens_l, tokens_u])
        if self.online is not None:
            described, self.online_seconds = self.online.describe(torch.cat([labelled, unlabelled]).squeeze(1))
            tokens = tokens if first else described
        with torch.no_grad():
            confidence, pseudo = self.teach(self.place(unlabelled))
        sources = p1_mix.Sources(labelled, labels, unlabelled, pseudo.cpu())
        plan = self.plan if first else p1_mix.draw_plan(sources, self.volumes)
        mixed = {part: p1_mix.apply(plan[part], sources, plan) for part in ("labelled", "unlabelled")}
        images = [labelled, mixed["labelled"].image, mixed["unlabelled"].image, unlabelled]
        targets = [labels, mixed["labelled"].target, mixed["unlabelled"].target]
        weights = [truth + (1 - truth) * plan["pseudoWeight"] for truth in (mixed[part].truth for part in mixed)]
        place = lambda values: [value.to(self.device) for value in values]
        masks = self.masks(sum(map(len, images)), 0 if first else DROPOUT)
        terms = self.forward([self.place(image) for image in images], place(targets), place(weights), self.place(tokens), masks)
        value = self.update(terms, [1, 1, 1])
        self.average()
        return value


ROWS = {"p1-supervised": Supervised, "p1-dinomix": Dinomix}
