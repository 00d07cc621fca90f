"""Tensors for the other side of a benchmark: safetensors files, channels last."""

import ctypes
import json
import struct

import torch

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32"}
READ = {"F32": torch.float32, "F64": torch.float64, "I32": torch.int32, "U8": torch.uint8}


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


def read_safetensors(path):
    """Tensors by name, and the metadata of the file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[first:last], dtype=READ[entry["dtype"]]).reshape(entry["shape"]).clone()
    return tensors, metadata


def torch_kernel(filter):
    """The opposite of `channels_last_kernel`."""
    return filter.permute(-1, -2, *range(filter.dim() - 2)).contiguous() if filter.dim() > 2 else filter
