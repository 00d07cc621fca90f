"""The networks, the loss and the sliding window of the engine benchmark, in PyTorch.

Parameters are created in the order in which the TensorFlow.js program lists them, so that both sides exchange weights by position.
"""

import torch
import torch.nn.functional as F
from torch import nn


class ConvUnit(nn.Module):
    """Convolution, normalisation, LeakyReLU: down-sampling with kernel = stride = 2, up-sampling by its transpose."""

    def __init__(self, dims, inputs, outputs, options, stride=1, transposed=False, bias=False):
        super().__init__()
        kind = {
            (2, False): nn.Conv2d,
            (3, False): nn.Conv3d,
            (2, True): nn.ConvTranspose2d,
            (3, True): nn.ConvTranspose3d,
        }[(dims, transposed)]
        kernel = 3 if stride == 1 else stride
        self.conv = kind(inputs, outputs, kernel, stride=stride, padding=kernel // 2 if stride == 1 else 0, bias=bias)
        self.slope = options["slope"]
        self.style = options["norm"]
        if self.style == "batch":
            self.norm = (nn.BatchNorm2d if dims == 2 else nn.BatchNorm3d)(outputs)
        else:
            self.scale = nn.Parameter(torch.ones(outputs))
            self.offset = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        x = self.conv(x)
        if self.style == "batch":
            x = self.norm(x)
        elif self.style == "group":
            # One group per channel is instance normalisation; this kernel alone keeps channels-last memory.
            x = F.group_norm(x, x.shape[1], self.scale, self.offset, 1e-5)
        else:
            x = F.instance_norm(x, weight=self.scale, bias=self.offset, eps=1e-5)
        return F.relu(x) if self.slope == 0 else F.leaky_relu(x, self.slope)


def chain(dims, inputs, outputs, count, options, bias=False):
    return nn.Sequential(*[ConvUnit(dims, inputs if i == 0 else outputs, outputs, options, bias=bias) for i in range(count)])


class VNet(nn.Module):
    """V-Net with additive skips; `encoder` and `decoder` give the convolutions per level, from the top and from the bottom."""

    def __init__(self, filters, classes, encoder, decoder, options, bias=False):
        super().__init__()
        widths = [filters << level for level in range(len(encoder))]
        self.encoder = nn.ModuleList()
        self.down = nn.ModuleList()
        for level, count in enumerate(encoder):
            self.encoder.append(chain(3, 1 if level == 0 else widths[level], widths[level], count, options, bias))
            if level + 1 < len(encoder):
                self.down.append(ConvUnit(3, widths[level], widths[level + 1], options, stride=2, bias=bias))
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for level, count in zip(reversed(range(len(decoder))), decoder):
            self.up.append(ConvUnit(3, widths[level + 1], widths[level], options, stride=2, transposed=True, bias=bias))
            self.decoder.append(chain(3, widths[level], widths[level], count, options, bias))
        self.head = nn.Conv3d(filters, classes, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x)
            if level < len(self.down):
                skips.append(x)
                x = self.down[level](x)
        for up, block in zip(self.up, self.decoder):
            x = block(up(x) + skips.pop())
        return self.head(x)


class UNet2d(nn.Module):
    """2D U-Net: two 3x3 convolutions per level, max pooling, 2x2 transposed convolutions, skips by concatenation."""

    def __init__(self, filters, classes, levels, options):
        super().__init__()
        widths = [filters << level for level in range(levels)]
        self.encoder = nn.ModuleList(
            chain(2, 1 if level == 0 else widths[level - 1], widths[level], 2, options) for level in range(levels)
        )
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for level in reversed(range(levels - 1)):
            self.up.append(nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2))
            self.decoder.append(chain(2, widths[level + 1], widths[level], 2, options))
        self.head = nn.Conv2d(filters, classes, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for up, block in zip(self.up, self.decoder):
            x = block(torch.cat([skips.pop(), up(x)], 1))
        return self.head(x)


def segmentation_loss(logits, labels, class_weights):
    """Weighted cross-entropy (mean over the weights of the targets) + 1 - mean_c w_c D_c over the foreground classes.
    D_c is the soft Dice of class c, its sums over batch and space, smoothing 1."""
    classes = logits.shape[1]
    log_p = F.log_softmax(logits, 1)
    cross_entropy = F.nll_loss(log_p, labels, class_weights)
    p = log_p.exp()
    rest = [0, *range(2, p.dim())]
    index = torch.arange(classes).view(1, -1, *[1] * (p.dim() - 2))
    target = (labels.unsqueeze(1) == index).to(p.dtype)
    dice = (2 * (p * target).sum(rest) + 1) / (p.sum(rest) + target.sum(rest) + 1)
    return cross_entropy + 1 - (class_weights * dice)[1:].mean()


def window_starts(size, window, stride):
    """Starts of the windows along one axis; the last one is shifted to the border."""
    count = -(-(size - window) // stride) + 1
    return [min(i * stride, size - window) for i in range(count)]


def sliding_window(network, volume, window, stride, classes, batch, memory_format):
    """Softmax averaged over the windows, then argmax: uint8 labels `[d, h, w]` and the mean of the highest probability."""
    starts = [window_starts(s, w, t) for s, w, t in zip(volume.shape, window, stride)]
    boxes = [(z, y, x) for z in starts[0] for y in starts[1] for x in starts[2]]
    total = torch.zeros((classes, *volume.shape))
    hits = torch.zeros(volume.shape)
    for first in range(0, len(boxes), batch):
        group = [tuple(slice(s, s + w) for s, w in zip(box, window)) for box in boxes[first : first + batch]]
        patches = torch.stack([volume[box] for box in group]).unsqueeze(1).contiguous(memory_format=memory_format)
        probabilities = network(patches)
        for box, probability in zip(group, probabilities):
            total[(slice(None), *box)] += probability
            hits[box] += 1
    total /= hits
    highest, labels = total.max(0)
    return labels.to(torch.uint8), highest.mean().item()
