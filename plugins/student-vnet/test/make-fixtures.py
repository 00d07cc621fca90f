"""Writes fixtures/twin.json: outputs of the V-Net in PyTorch for weights and inputs that the test makes again.

Made with torch 2.15.0 and numpy 2.4.6:  python test/make-fixtures.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

FIXTURES = Path(__file__).parent / "fixtures"


def noise(seed, count):
    """Numbers in [-0.5, 0.5) from a 32-bit integer hash of the index."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(seed * 1000003)) & np.uint64(0xFFFFFFFF)
    for factor, shift in ((2654435761, 15), (2246822519, 13), (3266489917, 16)):
        x = (x * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
        x ^= x >> np.uint64(shift)
    return x.astype(np.float64) / 2**32 - 0.5


class Block(nn.Module):
    """Convolution, normalisation, activation."""

    def __init__(self, conv, norm, slope):
        super().__init__()
        self.conv = conv
        channels = conv.out_channels
        self.norm = {
            "batch": lambda: nn.BatchNorm3d(channels),
            "group": lambda: nn.GroupNorm(2, channels),
            "instance": lambda: nn.InstanceNorm3d(channels, affine=True),
        }[norm]()
        self.activation = nn.LeakyReLU(slope) if slope > 0 else nn.ReLU()

    def forward(self, x):
        return self.activation(self.norm(self.conv(x)))


class Twin(nn.Module):
    def __init__(self, classes, filters, levels, encoder, decoder, norm, slope, skip):
        super().__init__()
        self.levels, self.skip = levels, skip
        self.blocks = nn.ModuleDict()
        width = lambda level: filters * 2 ** (level - 1)

        def put(name, conv):
            self.blocks[name.replace(".", "/")] = Block(conv, norm, slope)

        for level in range(1, levels + 1):
            if level > 1:
                put(f"encoder.{level}.down", nn.Conv3d(width(level - 1), width(level), 2, stride=2))
            for index in range(encoder[level - 1]):
                source = 1 if level == 1 and index == 0 else width(level)
                put(f"encoder.{level}.conv.{index}", nn.Conv3d(source, width(level), 3, padding=1))
        for level in range(levels - 1, 0, -1):
            put(f"decoder.{level}.up", nn.ConvTranspose3d(width(level + 1), width(level), 2, stride=2))
            for index in range(decoder[levels - 1 - level]):
                source = width(level) * (2 if skip == "concat" and index == 0 else 1)
                put(f"decoder.{level}.conv.{index}", nn.Conv3d(source, width(level), 3, padding=1))
        self.output = nn.Conv3d(filters, classes, 1)
        self.encoder, self.decoder = encoder, decoder

    def run(self, x, prefix, count):
        for index in range(count):
            x = self.blocks[f"{prefix}.conv.{index}".replace(".", "/")](x)
        return x

    def forward(self, x):
        features = {}
        for level in range(1, self.levels + 1):
            if level > 1:
                x = self.blocks[f"encoder/{level}/down"](x)
            x = self.run(x, f"encoder.{level}", self.encoder[level - 1])
            features[f"x{level}"] = x
        for level in range(self.levels - 1, 0, -1):
            x = self.blocks[f"decoder/{level}/up"](x)
            other = features[f"x{level}"]
            x = x + other if self.skip == "add" else torch.cat([x, other], 1)
            x = self.run(x, f"decoder.{level}", self.decoder[self.levels - 1 - level])
            features[f"x{2 * self.levels - level}"] = x
        return self.output(x), features


def fill(model):
    """Gives every parameter the numbers that the test gives it; filters are laid out [kd, kh, kw, a, b]."""
    names = [(name.replace("/", "."), block) for name, block in model.blocks.items()] + [("output", model)]
    seed = 0
    for name, block in names:
        conv = block.conv if name != "output" else model.output
        out, inner = conv.weight.shape[0], conv.weight.shape[1]
        taps = conv.weight[0, 0].numel()
        transposed = isinstance(conv, nn.ConvTranspose3d)
        fan = (out if transposed else inner * taps)
        values = noise(seed + 1, conv.weight.numel()) * np.sqrt(24 / fan)
        # ours [kd, kh, kw, in, out] (transposed: [kd, kh, kw, out, in]) -> torch [out, in, ...] (transposed: [in, out, ...])
        shape = tuple(conv.weight.shape[2:]) + (inner, out)
        weight = values.reshape(shape).transpose(4, 3, 0, 1, 2)
        conv.weight.data = torch.tensor(np.ascontiguousarray(weight), dtype=torch.float32)
        conv.bias.data = torch.tensor(noise(seed + 2, conv.bias.numel()), dtype=torch.float32)
        if name != "output":
            norm = block.norm
            norm.weight.data = torch.tensor(1 + noise(seed + 3, norm.weight.numel()), dtype=torch.float32)
            norm.bias.data = torch.tensor(noise(seed + 4, norm.bias.numel()), dtype=torch.float32)
            if isinstance(norm, nn.BatchNorm3d):
                norm.running_mean.data = torch.tensor(noise(seed + 5, norm.running_mean.numel()), dtype=torch.float32)
                norm.running_var.data = torch.tensor(1 + noise(seed + 6, norm.running_var.numel()), dtype=torch.float32)
        seed += 10


def sample(tensor, step):
    """Every step-th value in channel-last order."""
    flat = tensor.detach().permute(0, 2, 3, 4, 1).reshape(-1).numpy()
    return [float(f"{value:.8g}") for value in flat[::step]]


def record(options, shape, training):
    torch.manual_seed(0)
    model = Twin(**options)
    fill(model)
    model.train(training)
    batch, depth, height, width = shape
    image = torch.tensor(noise(999, batch * depth * height * width), dtype=torch.float32)
    image = (image * 2).reshape(batch, 1, depth, height, width)
    with torch.no_grad():
        logits, features = model(image)
    result = {
        "options": options,
        "shape": shape,
        "training": training,
        "logits": sample(logits, 37),
        "features": {name: {"shape": [*value.shape[0:1], *value.shape[2:], value.shape[1]], "values": sample(value, value.numel() // 30 | 1)} for name, value in features.items()},
    }
    if training and options["norm"] == "batch":
        norm = model.blocks["encoder/2/down"].norm
        result["running"] = {"mean": norm.running_mean.tolist(), "variance": norm.running_var.tolist()}
    return result


def main():
    benchmark = dict(classes=3, filters=2, levels=5, encoder=[1, 2, 3, 3, 3], decoder=[3, 3, 2, 1], norm="batch", slope=0, skip="add")
    group = dict(classes=2, filters=4, levels=3, encoder=[1, 2, 2], decoder=[2, 1], norm="group", slope=0.01, skip="concat")
    instance = dict(classes=2, filters=3, levels=2, encoder=[2, 1], decoder=[1], norm="instance", slope=0.2, skip="add")
    cases = [
        record(benchmark, [2, 16, 16, 32], False),
        record(benchmark, [2, 16, 16, 32], True),
        record(group, [1, 4, 8, 8], True),
        record(instance, [2, 4, 4, 6], False),
    ]
    full = {str(k): sum(p.numel() for p in Twin(k, n, 5, [1, 2, 3, 3, 3], [3, 3, 2, 1], "batch", 0, "add").parameters()) for k, n in ((14, 32), (16, 32))}
    small = sum(p.numel() for p in Twin(14, 16, 5, [1, 2, 3, 3, 3], [3, 3, 2, 1], "batch", 0, "add").parameters())
    (FIXTURES / "twin.json").write_text(json.dumps({"parameters": {**full, "14 at 16": small}, "cases": cases}) + "\n")


main()
