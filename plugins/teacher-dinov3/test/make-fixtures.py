"""Writes fixtures/reference.json: answers of transformers' DINOv3ViTModel with the weights of our random network, and
pictures of slices by PyTorch.

Made with torch 2.15.0, transformers 5.23.0, onnx 1.23.2 and numpy 2.4.6:

    npx tsc -b plugins/teacher-dinov3
    python test/make-fixtures.py
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import DINOv3ViTConfig, DINOv3ViTModel

FIXTURES = Path(__file__).parent / "fixtures"
SIZE = {"channels": 24, "blocks": 2, "heads": 2, "seed": 3}


def wave(*shape):
    """The test's picture: value i is sin(0.37 i) + 0.5 sin(0.011 i)."""
    i = np.arange(np.prod(shape), dtype=np.float64)
    return torch.tensor(np.sin(0.37 * i) + 0.5 * np.sin(0.011 * i), dtype=torch.float32).reshape(shape)


def rounded(tensor):
    return [float(f"{value:.7g}") for value in tensor.detach().reshape(-1).numpy()]


def write_random_network(path):
    """Lets the built package write its random network."""
    module = (Path(__file__).parent.parent / "dist" / "control" / "control.js").as_uri()
    program = f"""
        import {{ writeFileSync }} from 'node:fs';
        import {{ buildControl }} from '{module}';
        writeFileSync('{path}', await buildControl({json.dumps(SIZE)}));
    """
    subprocess.run(["node", "--input-type=module", "-e", program], check=True)


def model_with_weights_of(path):
    config = DINOv3ViTConfig(
        hidden_size=SIZE["channels"],
        intermediate_size=4 * SIZE["channels"],
        num_hidden_layers=SIZE["blocks"],
        num_attention_heads=SIZE["heads"],
        num_register_tokens=4,
        layerscale_value=1.0,
        attn_implementation="eager",
    )
    model = DINOv3ViTModel(config).eval()
    state = model.state_dict()
    known = {}
    for weight in onnx.load(path).graph.initializer:
        name = weight.name if weight.name in state else f"model.{weight.name}"
        if name not in state:
            continue
        value = numpy_helper.to_array(weight)
        known[name] = torch.tensor(value.T.copy() if value.ndim == 2 else value)
    missing = set(state) - set(known)
    assert missing == {"embeddings.mask_token"}, missing
    model.load_state_dict(known, strict=False)
    return model


def slices():
    """A crop of 5 slices: window [-100, 300], enlarged to 16 x 32, colours normalised, slices 0 and 3."""
    crop = wave(5, 6, 7) * 300
    unit = ((crop + 100) / 400).clamp(0, 1)
    large = torch.nn.functional.interpolate(unit[:, None], size=(16, 32), mode="bilinear", align_corners=False)[:, 0]
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    repeat = torch.stack([(large[k].expand(3, 16, 32) - mean) / deviation for k in (0, 3)])
    neighbours = torch.stack([(torch.stack([large[a], large[b], large[c]]) - mean) / deviation for a, b, c in ((0, 0, 1), (2, 3, 4))])
    return {"repeat": rounded(repeat.reshape(-1)[::19]), "neighbours": rounded(neighbours.reshape(-1)[::19])}


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "control.onnx"
        write_random_network(path)
        model = model_with_weights_of(path)
    answers = []
    for shape in ((1, 3, 32, 48), (2, 3, 16, 16)):
        with torch.no_grad():
            result = model(wave(*shape))
        tokens = result.last_hidden_state
        answers.append({"shape": shape, "dims": list(tokens.shape), "tokens": rounded(tokens), "pooled": rounded(result.pooler_output)})
    text = json.dumps({"size": SIZE, "answers": answers, "slices": slices()})
    (FIXTURES / "reference.json").write_text(text + "\n")


main()
