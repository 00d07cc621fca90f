"""Sliding window over one case with the network of P1: softmax averaged with Gaussian weights, most probable class."""

import torch

import workloads
from exchange import read_safetensors
from networks import window_starts
from p1_network import CLASSES, P1VNet, load_weights


def gaussian(window):
    """exp(-x² / 2 sigma²) around the centre, sigma an eighth of the side, not below 0.001."""
    weights = torch.ones(())
    for side in window:
        x = (torch.arange(side) - (side - 1) / 2) / (side / 8)
        weights = weights[..., None] * (-0.5 * x.square()).exp().clamp(min=1e-3)
    return weights


def sliding_window(network, image, window, stride, layout):
    """Weighted sums of the class probabilities `[k, d, h, w]` and of the weights."""
    starts = [window_starts(s, w, t) for s, w, t in zip(image.shape, window, stride)]
    importance = gaussian(window).to(image.device)
    total = torch.zeros((CLASSES, *image.shape), device=image.device)
    weights = torch.zeros(image.shape, device=image.device)
    for z in starts[0]:
        for y in starts[1]:
            for x in starts[2]:
                box = tuple(slice(s, s + w) for s, w in zip((z, y, x), window))
                patch = image[box][None, None].contiguous(memory_format=layout)
                total[(slice(None), *box)] += network(patch)[0] * importance
                weights[box] += importance
    return total, weights


class Logits(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)[0]


class Validate:
    online_seconds = 0

    def __init__(self, request, settings):
        tensors, _ = read_safetensors(request["first"])
        device = torch.device(request.get("device", "cpu"))
        self.window, self.stride = request["patch"], request["stride"]
        best = workloads.BEST_SLIDING["channels_last"] or device.type == "cuda"
        self.layout = torch.channels_last_3d if settings["channels_last"] and best else torch.contiguous_format
        network = P1VNet(request["filters"]).eval()
        load_weights(network, tensors, "student/vnet/")
        network = Logits(network).to(device, memory_format=self.layout).eval()
        example = torch.zeros(1, 1, *self.window, device=device).contiguous(memory_format=self.layout)
        engine = "folded" if device.type == "cuda" else "freeze" if settings["compile"] else "eager"
        self.network = workloads.prepare_inference(network, engine, example)
        self.image = tensors["volume"].to(device)

    def run(self):
        """The mean of the highest averaged probability."""
        with torch.no_grad():
            total, weights = sliding_window(self.network, self.image, self.window, self.stride, self.layout)
            highest, labels = total.max(0)
            labels.to(torch.uint8).cpu()
            return (highest / weights).mean().item()


ROWS = {"p1-validate": Validate}
