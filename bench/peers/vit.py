"""DINOv3's ViT-S/16 for the teacher benchmark: joint projections and PyTorch's fused attention."""

import math
import time

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS, HEADS, BLOCKS, PATCH, REGISTERS = 384, 6, 12, 16, 4
HEAD = CHANNELS // HEADS
PREFIX = 1 + REGISTERS


def rotate(x, cos, sin):
    still, moving = x[:, :, :PREFIX], x[:, :, PREFIX:]
    first, second = moving.chunk(2, -1)
    return torch.cat([still, moving * cos + torch.cat([-second, first], -1) * sin], 2)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(CHANNELS, eps=1e-5)
        self.qkv = nn.Linear(CHANNELS, 3 * CHANNELS)
        self.proj = nn.Linear(CHANNELS, CHANNELS)
        self.scale1 = nn.Parameter(torch.empty(CHANNELS))
        self.norm2 = nn.LayerNorm(CHANNELS, eps=1e-5)
        self.fc1 = nn.Linear(CHANNELS, 4 * CHANNELS)
        self.fc2 = nn.Linear(4 * CHANNELS, CHANNELS)
        self.scale2 = nn.Parameter(torch.empty(CHANNELS))

    def forward(self, x, cos, sin):
        batch, tokens, _ = x.shape
        query, key, value = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotate(query, cos, sin), rotate(key, cos, sin), value)
        x = x + self.scale1 * self.proj(mixed.transpose(1, 2).reshape(batch, tokens, CHANNELS))
        return x + self.scale2 * self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, CHANNELS, PATCH, PATCH)
        self.prefix = nn.Parameter(torch.empty(1, PREFIX, CHANNELS))
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(CHANNELS, eps=1e-5)

    def forward(self, image, cos, sin):
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.prefix.expand(len(image), -1, -1), x], 1)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.norm(x)[:, PREFIX:]


def rotary(rows, columns):
    periods = 100.0 ** (2 * torch.arange(HEAD // 4, dtype=torch.float32) / (HEAD / 2))
    y = (torch.arange(rows) + 0.5) / rows * 2 - 1
    x = (torch.arange(columns) + 0.5) / columns * 2 - 1
    place = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)
    angles = (2 * math.pi * place[:, :, None] / periods).flatten(1).repeat(1, 2)
    return angles.cos(), angles.sin()


def transformers_names(vit):
    """The parameters by their names in transformers' DINOv3ViTModel."""
    found = {
        "embeddings.cls_token": vit.prefix[:, :1],
        "embeddings.register_tokens": vit.prefix[:, 1:],
        "embeddings.patch_embeddings.weight": vit.patches.weight,
        "embeddings.patch_embeddings.bias": vit.patches.bias,
        "norm.weight": vit.norm.weight,
        "norm.bias": vit.norm.bias,
    }
    for number, block in enumerate(vit.blocks):
        name = f"layer.{number}"
        for part, weight, bias in zip("qkv", block.qkv.weight.chunk(3), block.qkv.bias.chunk(3)):
            found[f"{name}.attention.{part}_proj.weight"] = weight
            if part != "k":
                found[f"{name}.attention.{part}_proj.bias"] = bias
        for ours, layer in (("attention.o_proj", block.proj), ("mlp.up_proj", block.fc1), ("mlp.down_proj", block.fc2)):
            found[f"{name}.{ours}.weight"] = layer.weight
            found[f"{name}.{ours}.bias"] = layer.bias
        for index, norm, scale in ((1, block.norm1, block.scale1), (2, block.norm2, block.scale2)):
            found[f"{name}.norm{index}.weight"] = norm.weight
            found[f"{name}.norm{index}.bias"] = norm.bias
            found[f"{name}.layer_scale{index}.lambda1"] = scale
    return found


class OnlineTeacher:
    """Tokens of 8 slices of one crop; one step returns the mean absolute token."""

    def __init__(self, settings, seed=0):
        torch.manual_seed(seed)
        vit = Vit().eval()
        with torch.no_grad():
            vit.prefix.normal_(0, 0.2)
            for block in vit.blocks:
                block.scale1.uniform_(0.2, 1)
                block.scale2.uniform_(0.2, 1)
                # The bias of the keys is masked in DINOv3.
                block.qkv.bias[CHANNELS : 2 * CHANNELS] = 0
            vit.norm.bias.normal_(0, 0.2)
        self.crop = torch.rand(64, 128, 128)
        self.exported = {k: v.detach().clone() for k, v in {**transformers_names(vit), "crop": self.crop}.items()}
        self.vit = torch.compile(vit) if settings["compile"] else vit
        self.rotary = rotary(16, 16)
        self.mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
        self.deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)

    def step(self):
        with torch.inference_mode():
            slices = self.crop[3::8, None].clamp(0, 1)
            large = F.interpolate(slices, (256, 256), mode="bilinear", align_corners=False)
            return self.vit((large - self.mean) / self.deviation, *self.rotary).abs().mean().item()


class TokenTeacher:
    """Tokens of crops without a cache: a slice of every 8, enlarged to twice its sides."""

    def __init__(self, device, compiled):
        network = Vit().eval().to(device)
        with torch.no_grad():
            network.prefix.normal_(0, 0.2)
            for block in network.blocks:
                block.scale1.uniform_(0.2, 1)
                block.scale2.uniform_(0.2, 1)
        self.vit = torch.compile(network) if compiled else network
        self.device = device
        self.mean = torch.tensor([0.485, 0.456, 0.406], device=device).reshape(3, 1, 1)
        self.deviation = torch.tensor([0.229, 0.224, 0.225], device=device).reshape(3, 1, 1)

    def describe(self, crops):
        """Tokens `[b, c, d / 8, h / 8, w / 8]` of crops `[b, d, h, w]`, and the seconds that they took."""
        start = time.perf_counter()
        batch, depth, height, width = crops.shape
        rows, columns = height // 8, width // 8
        tokens = []
        with torch.no_grad():
            for crop in crops.to(self.device):
                slices = crop[3::8, None].clamp(0, 1)
                large = F.interpolate(slices, (2 * height, 2 * width), mode="bilinear", align_corners=False)
                places = [angles.to(self.device) for angles in rotary(rows, columns)]
                tokens.append(self.vit((large - self.mean) / self.deviation, *places))
        grid = torch.stack(tokens).reshape(batch, depth // 8, rows, columns, -1).permute(0, 4, 1, 2, 3)
        return grid, time.perf_counter() - start
