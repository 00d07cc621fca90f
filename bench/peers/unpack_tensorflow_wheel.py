"""Unpacks what tfjs-node needs of a TensorFlow wheel: unpack_tensorflow_wheel.py <wheel> <folder>.

Writes include/, lib/ with libtensorflow_cc and libtensorflow_framework, build-info.txt (CUDA version and
compute capabilities of the build) and cuda-requirements.txt (the wheels that `pip install tensorflow[and-cuda]` adds).
"""

import re
import shutil
import sys
import zipfile
from pathlib import Path

PREFIX = "tensorflow/"


def place(name):
    """Where a file of the wheel goes, or None."""
    if name.startswith(PREFIX + "include/"):
        return Path(name[len(PREFIX):])
    if re.fullmatch(PREFIX + r"libtensorflow_(cc|framework)\.so\.2", name):
        return Path("lib", name[len(PREFIX):])
    if name.endswith("python/platform/build_info.py"):
        return Path("build-info.txt")
    return None


def cuda_requirements(metadata):
    pattern = re.compile(r'^Requires-Dist: (.+?) *; *extra == ["\']and-cuda["\']', re.MULTILINE)
    return pattern.findall(metadata)


def main(wheel, folder):
    folder = Path(folder)
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            target = place(entry.filename)
            if target is None or entry.is_dir() or ".." in target.parts:
                continue
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(folder / target, "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        requirements = cuda_requirements(archive.read(metadata).decode())
    (folder / "cuda-requirements.txt").write_text("\n".join(requirements) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
