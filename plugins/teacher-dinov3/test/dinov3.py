"""DINOv3's vision transformer in PyTorch, written from the paper's description for these tests alone.

Weights are a dictionary with the names of transformers' DINOv3ViTModel. Nothing is shared with the converter.
"""

import math

import torch
import torch.nn.functional as F


def rotary(rows, columns, head, base):
    """Cosines and sines [rows * columns, head]: patch centres in [-1, 1], y before x, twice."""
    periods = base ** (2 * torch.arange(head // 4, dtype=torch.float32) / (head / 2))
    y = (torch.arange(rows, dtype=torch.float32) + 0.5) / rows * 2 - 1
    x = (torch.arange(columns, dtype=torch.float32) + 0.5) / columns * 2 - 1
    place = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)
    angles = (2 * math.pi * place[:, :, None] / periods).flatten(1)
    angles = torch.cat([angles, angles], 1)
    return angles.cos(), angles.sin()


def rotate(x, prefix, cos, sin):
    """x [b, heads, tokens, head]; CLS and registers stay as they are."""
    still, moving = x[:, :, :prefix], x[:, :, prefix:]
    first, second = moving.chunk(2, -1)
    return torch.cat([still, moving * cos + torch.cat([-second, first], -1) * sin], 2)


def attention(x, weights, name, heads, prefix, cos, sin):
    batch, tokens, channels = x.shape

    def project(part):
        y = F.linear(x, weights[f"{name}.{part}_proj.weight"], weights.get(f"{name}.{part}_proj.bias"))
        return y.reshape(batch, tokens, heads, channels // heads).transpose(1, 2)

    query, key = (rotate(project(part), prefix, cos, sin) for part in "qk")
    share = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(channels // heads), -1)
    mixed = (share @ project("v")).transpose(1, 2).reshape(batch, tokens, channels)
    return F.linear(mixed, weights[f"{name}.o_proj.weight"], weights.get(f"{name}.o_proj.bias"))


def mlp(x, weights, name, gated):
    def linear(y, part):
        return F.linear(y, weights[f"{name}.{part}_proj.weight"], weights.get(f"{name}.{part}_proj.bias"))

    hidden = F.silu(linear(x, "gate")) * linear(x, "up") if gated else F.gelu(linear(x, "up"))
    return linear(hidden, "down")


def dinov3(weights, size, image):
    """The tokens behind every block after the final normalisation, each [b, 1 + registers + h w / p², c]."""
    patch, heads, eps = size["patch"], size["heads"], 1e-5
    channels = size["channels"]

    def norm(x, name):
        return F.layer_norm(x, [channels], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)

    grid = F.conv2d(
        image, weights["embeddings.patch_embeddings.weight"], weights["embeddings.patch_embeddings.bias"], stride=patch
    )
    rows, columns = grid.shape[2:]
    first = [weights["embeddings.cls_token"]]
    if size["registers"]:
        first.append(weights["embeddings.register_tokens"])
    first = torch.cat(first, 1)
    prefix = first.shape[1]
    x = torch.cat([first.expand(len(image), -1, -1), grid.flatten(2).transpose(1, 2)], 1)
    cos, sin = rotary(rows, columns, channels // heads, size.get("base", 100.0))
    answers = []
    for block in range(size["blocks"]):
        name = f"layer.{block}"
        attended = attention(norm(x, f"{name}.norm1"), weights, f"{name}.attention", heads, prefix, cos, sin)
        x = x + weights[f"{name}.layer_scale1.lambda1"] * attended
        inner = mlp(norm(x, f"{name}.norm2"), weights, f"{name}.mlp", size["gated"])
        x = x + weights[f"{name}.layer_scale2.lambda1"] * inner
        answers.append(norm(x, "norm"))
    return answers


def shapes(size):
    """Shapes of all weights."""
    c, hidden, patch = size["channels"], size["hidden"], size["patch"]
    found = {"embeddings.cls_token": [1, 1, c]}
    if size["registers"]:
        found["embeddings.register_tokens"] = [1, size["registers"], c]
    found["embeddings.patch_embeddings.weight"] = [c, 3, patch, patch]
    found["embeddings.patch_embeddings.bias"] = [c]
    for block in range(size["blocks"]):
        name = f"layer.{block}"
        for part in "qkvo":
            found[f"{name}.attention.{part}_proj.weight"] = [c, c]
            if part != "k":
                found[f"{name}.attention.{part}_proj.bias"] = [c]
        for part, rows, columns in (("gate", hidden, c), ("up", hidden, c), ("down", c, hidden)):
            if part == "gate" and not size["gated"]:
                continue
            found[f"{name}.mlp.{part}_proj.weight"] = [rows, columns]
            found[f"{name}.mlp.{part}_proj.bias"] = [rows]
        for index in (1, 2):
            found[f"{name}.norm{index}.weight"] = [c]
            found[f"{name}.norm{index}.bias"] = [c]
            found[f"{name}.layer_scale{index}.lambda1"] = [c]
    found["norm.weight"] = [c]
    found["norm.bias"] = [c]
    return found


def config(size):
    """The config.json of transformers."""
    return {
        "model_type": "dinov3_vit",
        "architectures": ["DINOv3ViTModel"],
        "hidden_size": size["channels"],
        "intermediate_size": size["hidden"],
        "num_hidden_layers": size["blocks"],
        "num_attention_heads": size["heads"],
        "patch_size": size["patch"],
        "num_register_tokens": size["registers"],
        "use_gated_mlp": size["gated"],
        "hidden_act": "silu" if size["gated"] else "gelu",
        "layer_norm_eps": 1e-5,
        "rope_theta": size.get("base", 100.0),
        "query_bias": True,
        "key_bias": False,
        "value_bias": True,
        "proj_bias": True,
        "mlp_bias": True,
    }
