"""Answers of dinov3.py for the parity tests. Needs PyTorch alone.

    python test/make-parity.py fixtures                 # fixtures/parity.json: small networks, weights by a formula
    python test/make-parity.py full S /tmp/folder       # weights, config.json and answers of a released size, random weights
    python test/make-parity.py transformers             # dinov3.py against transformers' DINOv3ViTModel
    python test/make-parity.py picture PICTURE.jpg FOLDER  # FOLDER/pixels.safetensors for the check of released weights (Pillow)
"""

import ctypes
import json
import math
import struct
import sys
from pathlib import Path

import torch

from dinov3 import config, dinov3, shapes

SMALL = {
    "gelu": {"channels": 16, "blocks": 2, "heads": 2, "hidden": 24, "gated": False, "patch": 16, "registers": 4},
    "swiglu": {"channels": 16, "blocks": 3, "heads": 1, "hidden": 20, "gated": True, "patch": 16, "registers": 4},
    "two-registers": {"channels": 8, "blocks": 1, "heads": 2, "hidden": 12, "gated": True, "patch": 8, "registers": 2},
}
RELEASED = {
    "S": {"channels": 384, "blocks": 12, "heads": 6, "hidden": 1536, "gated": False, "patch": 16, "registers": 4},
    "S+": {"channels": 384, "blocks": 12, "heads": 6, "hidden": 1536, "gated": True, "patch": 16, "registers": 4},
    "B": {"channels": 768, "blocks": 12, "heads": 12, "hidden": 3072, "gated": False, "patch": 16, "registers": 4},
    "L": {"channels": 1024, "blocks": 24, "heads": 16, "hidden": 4096, "gated": False, "patch": 16, "registers": 4},
    "H+": {"channels": 1280, "blocks": 32, "heads": 20, "hidden": 5120, "gated": True, "patch": 16, "registers": 4},
}
IMAGES = {
    "full": [(1, 3, 224, 224), (2, 3, 96, 160)],
    "large": [(1, 3, 96, 64), (2, 3, 32, 48)],
    "small": [(1, 3, 32, 48), (2, 3, 48, 16)],
}


def wave(shape, phase=0.0):
    """Value i is sin(0.37 i + phase) + 0.5 sin(0.011 i)."""
    i = torch.arange(math.prod(shape), dtype=torch.float64)
    return (torch.sin(0.37 * i + phase) + 0.5 * torch.sin(0.011 * i)).float().reshape(shape)


def by_formula(size):
    """Weight number n of the names in order: wave with phase n, scaled as its kind needs."""
    weights = {}
    for number, (name, shape) in enumerate(sorted(shapes(size).items())):
        values = wave(shape, float(number))
        if name.endswith(("norm1.weight", "norm2.weight", "norm.weight")):
            values = 1 + 0.2 * values
        elif name.endswith("lambda1"):
            values = 0.7 + 0.2 * values
        elif len(shape) > 1 and "token" not in name:
            values = values / math.sqrt(math.prod(shape[1:]))
        else:
            values = 0.3 * values
        weights[name] = values.float()
    return weights


def at_random(size, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in shapes(size).items():
        values = torch.randn(shape, generator=generator)
        if name.endswith(("norm1.weight", "norm2.weight", "norm.weight")):
            values = 1 + 0.2 * values
        elif name.endswith("lambda1"):
            values = 0.5 + 0.1 * values
        elif len(shape) > 1 and "token" not in name:
            values = values / math.sqrt(math.prod(shape[1:]))
        else:
            values = 0.2 * values
        weights[name] = values
    return weights


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            tensor = tensor.detach().float().contiguous()
            file.write(ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel()))


def rounded(tensor):
    return [float(f"{value:.7g}") for value in tensor.detach().reshape(-1).tolist()]


def make_fixtures():
    networks = []
    for name, size in SMALL.items():
        weights = by_formula(size)
        answers = []
        for shape in IMAGES["small"]:
            blocks = dinov3(weights, size, wave(shape))
            answers.append(
                {"shape": shape, "dims": list(blocks[-1].shape), "blocks": [rounded(tokens) for tokens in blocks]}
            )
        networks.append({"name": name, "size": size, "config": config(size), "answers": answers})
    target = Path(__file__).parent / "fixtures" / "parity.json"
    target.write_text(json.dumps({"torch": torch.__version__, "networks": networks}) + "\n")


def make_full(name, folder):
    size = RELEASED[name]
    weights = at_random(size, seed=len(name) + size["channels"])
    folder = Path(folder)
    write_safetensors(folder / "model.safetensors", weights)
    (folder / "config.json").write_text(json.dumps(config(size)))
    tensors = {}
    for number, shape in enumerate(IMAGES["large" if name in ("L", "H+") else "full"]):
        image = torch.randn(shape, generator=torch.Generator().manual_seed(number))
        tensors[f"image.{number}"] = image
        tensors[f"tokens.{number}"] = dinov3(weights, size, image)[-1]
    write_safetensors(folder / "answers.safetensors", tensors)


def check_transformers():
    import transformers

    for name, size in SMALL.items():
        given = config(size)
        model = transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**given, attn_implementation="eager")).eval()
        weights = by_formula(size)
        state = {key: weights.get(key.removeprefix("model.")) for key in model.state_dict()}
        missing = [key for key, value in state.items() if value is None]
        assert missing == ["embeddings.mask_token"], missing
        assert len(state) == len(weights) + 1
        model.load_state_dict({key: value for key, value in state.items() if value is not None}, strict=False)
        for shape in IMAGES["small"]:
            theirs = model(wave(shape)).last_hidden_state
            difference = (dinov3(weights, size, wave(shape))[-1] - theirs).abs().max().item()
            print(f"transformers {transformers.__version__}, {name}, {shape}: max abs {difference:.2g}")
            assert difference < 1e-5


def write_pixels(picture, folder):
    """The picture as transformers prepares it: 224 x 224 bilinear with antialias, ImageNet's statistics."""
    from PIL import Image

    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(image.height, image.width, 3)
    values = values.permute(2, 0, 1)[None].float() / 255
    values = torch.nn.functional.interpolate(values, (224, 224), mode="bilinear", antialias=True, align_corners=False)
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    write_safetensors(Path(folder) / "pixels.safetensors", {"pixel_values": (values - mean) / deviation})


if __name__ == "__main__":
    with torch.no_grad():
        command, *rest = sys.argv[1:]
        {"fixtures": make_fixtures, "full": make_full, "transformers": check_transformers, "picture": write_pixels}[command](*rest)
