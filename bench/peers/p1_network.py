"""The V-Net of the protocol P1 and its losses: 5 levels, batch normalisation, channel dropout at the coarsest and the last feature."""

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

import networks
from exchange import torch_kernel

CLASSES = 14
LEVELS = 5
ENCODER, DECODER = [1, 2, 3, 3, 3], [3, 3, 2, 1]


class P1VNet(networks.VNet):
    """
    Returns the logits and x4, the feature of the fourth level. `masks` are those of the dropout at x5 and x9, `[b, c, 1, 1, 1]`.
    Of the crops behind the first `heard` only x4 is wanted: they go no further.
    """

    def __init__(self, filters, saving=False):
        super().__init__(filters, CLASSES, ENCODER, DECODER, {"norm": "batch", "slope": 0}, bias=True)
        self.filters = filters
        self.saving = saving

    def block(self, block, x):
        """With `saving` only what enters a stage is kept, and its inside is computed again on the way back."""
        return checkpoint(block, x, use_reentrant=False) if self.saving else block(x)

    def forward(self, x, masks=None, heard=None):
        features = []
        if masks is not None:
            masks = [mask[:heard] for mask in masks]
        for level, block in enumerate(self.encoder):
            if level > 0:
                x = self.block(self.down[level - 1], x)
            x = self.block(block, x)
            if level + 1 == LEVELS and masks is not None:
                x = x * masks[0]
            features.append(x)
            if level == 3:
                x4 = x
                x, features = x[:heard], [feature[:heard] for feature in features]
        features.pop()
        for up, block in zip(self.up, self.decoder):
            x = self.block(block, self.block(up, x) + features.pop())
        if masks is not None:
            x = x * masks[1]
        return self.head(x), x4

    def draw_masks(self, batch, rate):
        """Dropout of whole channels; rate 0 leaves all."""
        draw = lambda channels: (torch.rand(batch, channels, 1, 1, 1) >= rate).float() / (1 - rate)
        return draw(self.filters << (LEVELS - 1)), draw(self.filters)


def our_names(module_name):
    """Prefix of a unit of ours by that of a unit here."""
    part, *rest = module_name.split(".")
    if part == "head":
        return "output"
    if part == "encoder":
        return f"encoder.{int(rest[0]) + 1}.conv.{rest[1]}"
    if part == "down":
        return f"encoder.{int(rest[0]) + 2}.down"
    if part == "up":
        return f"decoder.{LEVELS - 1 - int(rest[0])}.up"
    return f"decoder.{LEVELS - 1 - int(rest[0])}.conv.{rest[1]}"


def load_weights(network, tensors, prefix):
    """Takes our weights, which `tensors` holds under `prefix`."""
    with torch.no_grad():
        for name, unit in network.named_modules():
            convolution = unit if name == "head" else getattr(unit, "conv", None)
            if convolution is None:
                continue
            ours = prefix + our_names(name)
            convolution.weight.copy_(torch_kernel(tensors[f"{ours}.filter"]))
            convolution.bias.copy_(tensors[f"{ours}.bias"])
            if name != "head":
                unit.norm.weight.copy_(tensors[f"{ours}.scale"])
                unit.norm.bias.copy_(tensors[f"{ours}.offset"])
                unit.norm.running_mean.copy_(tensors[f"{ours}.mean"])
                unit.norm.running_var.copy_(tensors[f"{ours}.variance"])


def cross_entropy_dice(logits, labels, weight=None):
    """Mean over all voxels of m (-log p) + 1 - mean foreground Dice with voxel weight m; sums over batch and space, smoothing 1."""
    log_p = F.log_softmax(logits, 1)
    losses = F.nll_loss(log_p, labels, reduction="none")
    p = log_p.exp()
    index = torch.arange(CLASSES, device=logits.device).view(1, -1, 1, 1, 1)
    target = (labels.unsqueeze(1) == index).to(p.dtype)
    if weight is not None:
        losses = losses * weight
        target_weighted = target * weight.unsqueeze(1)
        p = p * weight.unsqueeze(1)
    else:
        target_weighted = target
    rest = [0, 2, 3, 4]
    dice = (2 * (p * target).sum(rest) + 1) / (p.sum(rest) + target_weighted.sum(rest) + 1)
    return losses.mean() + 1 - dice[1:].mean()


def token_distance(student, tokens):
    """Mean squared difference of both normalised along the channels, summed over them."""
    return (F.normalize(student, dim=1, eps=1e-6) - F.normalize(tokens, dim=1, eps=1e-6)).square().sum(1).mean()
