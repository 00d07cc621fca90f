"""Tensors for the other side of a benchmark: safetensors files, channels last."""

import ctypes
import json
import struct

import torch

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32"}


def channels_last_kernel(weight):
    """Convolution weight [out, in, *k] -> [*k, in, out]; a transposed one [in, out, *k] -> [*k, out, in]."""
    return weight.permute(*range(2, weight.dim()), 1, 0) if weight.dim() > 2 else weight


def write_safetensors(path, tensors):
    header = {}
    parts = []
    offset = 0
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        data = ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        offset += len(data)
        parts.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
