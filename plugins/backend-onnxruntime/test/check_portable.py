"""Checks exported files outside this repository's code: onnx.checker with shape inference, and onnxruntime of Python.

python -m venv /tmp/onnx && /tmp/onnx/bin/pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
mkdir /tmp/files && DINOMIX_ONNX_DIR=/tmp/files npx vitest run plugins/backend-onnxruntime/src/export
/tmp/onnx/bin/python plugins/backend-onnxruntime/test/check_portable.py /tmp/files
"""

import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime

TOLERANCE = 3e-6


def check(path):
    onnx.checker.check_model(str(path), full_check=True)
    shapes = json.loads(path.with_suffix(".json").read_text())
    arrays = {
        kind: numpy.fromfile(path.with_suffix(f".{kind}"), numpy.float32).reshape(shapes[kind])
        for kind in ("input", "output")
    }
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": arrays["input"]})
    expected = arrays["output"]
    error = numpy.linalg.norm(logits - expected) / numpy.linalg.norm(expected)
    labels = (logits.argmax(1) != expected.argmax(1)).sum()
    print(f"{path.name}: relative error {error:.1e}, {labels} labels differ")
    return logits.shape == expected.shape and error < TOLERANCE and labels == 0


if __name__ == "__main__":
    files = sorted(Path(sys.argv[1]).glob("*.onnx"))
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, {len(files)} files")
    sys.exit(0 if files and all([check(file) for file in files]) else 1)
