"""Writes the files and expected numbers under fixtures/ with nibabel, scipy, PyTorch, MedPy and safetensors.

    python3 -m venv venv
    venv/bin/pip install nibabel==5.4.2 scipy==1.17.1 numpy==2.4.6 torch==2.15.0 medpy==0.5.2 safetensors==0.8.0
    venv/bin/python packages/volume/test/make-fixtures.py

The tests read the fixtures and need none of this.
"""

import gzip
import json
import pathlib

import medpy.metric.binary as medpy
import nibabel as nib
import numpy as np
import torch
from nibabel import affines, orientations, quaternions
from safetensors.numpy import save_file
from scipy import ndimage

HERE = pathlib.Path(__file__).parent / "fixtures"
HERE.mkdir(exist_ok=True)
rng = np.random.default_rng(20240607)


def plain(value):
    """JSON without NaN: lists of numbers."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value


def write_json(name, value):
    (HERE / name).write_text(json.dumps(plain(value), separators=(",", ":")) + "\n")


def bits(mask):
    return "".join("1" if value else "0" for value in mask.ravel())


# --- NIfTI -----------------------------------------------------------------------------------------------------------

SHAPE = (4, 3, 5)  # i, j, k
OBLIQUE = affines.from_matvec(nib.eulerangles.euler2mat(0.2, -0.15, 0.4) @ np.diag([0.8, 0.9, 2.5]), [-100.5, 40.25, 12])
LPS = affines.from_matvec(np.diag([-0.75, -0.75, 3.0]), [120, 95, -310])
PERMUTED = affines.from_matvec(np.array([[-2.0, 0, 0], [0, 0, 3], [0, 1.5, 0]]), [7, -254, 20])
SHEARED = affines.from_matvec(np.array([[1.0, 0.2, 0.0], [0.0, 1.5, 0.1], [0.1, 0.0, 2.0]]), [3, -4, 5])


def voxels(dtype):
    index = np.arange(np.prod(SHAPE)).reshape(SHAPE[::-1]).T  # x fastest, so that memory order counts up
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (index * 1.37 - 20).astype(kind)
    if kind.kind == "u":
        return (index * 4 + (60000 if kind.itemsize > 1 else 0)).astype(kind)
    return (index * (4 if kind.itemsize == 1 else 517) - 100).astype(kind)


def build(kind, dtype, *, sform=None, qform=None, byteorder="<", slope=None, code=2, extensions=(), array=None):
    header = (nib.Nifti2Header if kind == 2 else nib.Nifti1Header)(endianness=byteorder)
    array = voxels(dtype) if array is None else array
    header.set_data_dtype(np.dtype(dtype).newbyteorder(byteorder))
    header.set_data_shape(array.shape)
    placed = next((matrix for matrix in (sform, qform) if matrix is not None), np.diag([1.5, 2.0, 3.0, 1]))
    header.set_zooms(tuple(affines.voxel_sizes(placed)) + (1.0,) * (array.ndim - 3))
    header.set_xyzt_units("mm")
    header.set_qform(qform, code=1 if qform is not None else 0, strip_shears=True)
    header.set_sform(sform, code=code if sform is not None else 0)
    if slope is not None:
        header.set_slope_inter(*slope)
    header["magic"] = b"n+2\0\r\n\x1a\n" if kind == 2 else b"n+1"
    body = array.astype(header.get_data_dtype()).tobytes(order="F")
    flags = b"\0\0\0\0"
    extra = b""
    for code, text in extensions:
        size = -(-(len(text) + 8) // 16) * 16
        order = "little" if byteorder == "<" else "big"
        extra += size.to_bytes(4, order) + code.to_bytes(4, order) + text.ljust(size - 8, b"\0")
        flags = b"\1\0\0\0"
    header["vox_offset"] = (544 if kind == 2 else 352) + len(extra)
    return header.binaryblock + flags + extra + body


LABELS = (
    b'<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>  <VolumeInformation Index="0">   <LabelTable>\n'
    b'<Label Key="1" Red="0.1" Green="0.2" Blue="0.3" Alpha="1"><![CDATA[spleen]]></Label>\n'
    b'<Label Key="2" Red="0.1" Green="0.2" Blue="0.3" Alpha="1"><![CDATA[kidney <right> & co]]></Label>\n'
    b'<Label Alpha="1" Key="13">adrenal &amp; rest</Label>\n'
    b"</LabelTable> </VolumeInformation></CaretExtension>"
)
FILES = {
    "uint8-sform.nii.gz": build(1, "u1", sform=LPS),
    "int16-both.nii.gz": build(1, "i2", sform=OBLIQUE, qform=OBLIQUE),
    "uint16-big.nii": build(1, "u2", sform=LPS, qform=LPS, byteorder=">"),
    "int32-nifti2.nii": build(2, "i4", sform=SHEARED),
    "float32-nifti2-big.nii.gz": build(2, "f4", qform=OBLIQUE, byteorder=">"),
    "float64-big.nii": build(1, "f8", sform=OBLIQUE, byteorder=">"),
    "int8.nii": build(1, "i1", sform=LPS),
    "uint32.nii": build(1, "u4", sform=LPS),
    "int64-nifti2.nii": build(2, "i8", sform=LPS),
    "scaled-int16.nii.gz": build(1, "i2", sform=LPS, slope=(0.5, -1024)),
    "scaled-int32-big.nii": build(1, "i4", sform=LPS, slope=(0.1, 3), byteorder=">"),
    "qform-only.nii": build(1, "i2", qform=OBLIQUE),
    "no-codes.nii": build(1, "i2"),
    "conflict.nii": build(1, "u1", sform=OBLIQUE, qform=LPS),
    "labels.nii.gz": build(1, "u1", sform=LPS, extensions=[(6, b"a comment"), (0, LABELS)]),
    "labels-nifti2-big.nii": build(2, "u1", sform=LPS, byteorder=">", extensions=[(30, LABELS)]),
    "one-time-point.nii": build(1, "i2", sform=LPS, array=voxels("i2")[..., None]),
    "two-time-points.nii": build(1, "i2", sform=LPS, array=np.stack([voxels("i2")] * 2, -1)),
}
# Written as writeNifti does: both matrices with one code, slope 1. The writer's bytes are compared with these.
WRITTEN = {"code": 1, "slope": (1, 0)}
FILES["written-int16.nii"] = build(1, "i2", sform=PERMUTED, qform=PERMUTED, **WRITTEN)
FILES["written-float64-nifti2-big.nii"] = build(2, "f8", sform=LPS, qform=LPS, byteorder=">", **WRITTEN)
FILES["written-sheared.nii"] = build(1, "u1", sform=SHEARED, **WRITTEN)
with_nan = voxels("f4")
with_nan[2, 1, 3] = np.nan
with_nan[3, 2, 4] = np.inf
FILES["nan.nii"] = build(1, "f4", sform=LPS, array=with_nan)

expected = {}
for name, content in FILES.items():
    path = HERE / name
    path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    image = nib.load(path)
    data = image.get_fdata()
    if name == "nan.nii" or data.shape[3:] == (2,):
        continue
    data = data.reshape(data.shape[:3])
    expected[name] = {
        "affine": image.affine,
        "codes": "".join(nib.aff2axcodes(image.affine)),
        "stored": image.get_data_dtype().newbyteorder("=").name,
        "data": data.T.ravel(),
        "spacing": affines.voxel_sizes(image.affine)[::-1],
    }
conflict = nib.load(HERE / "conflict.nii")
expected["conflict.nii"]["qform"] = conflict.get_qform()
write_json("nifti.json", expected)

# --- Geometry and orientation ----------------------------------------------------------------------------------------

cases = []
for _ in range(24):
    rotation = quaternions.quat2mat(rng.normal(size=4))
    flips = np.diag(rng.choice([-1, 1], 3))
    spacing = rng.uniform(0.5, 4, 3)
    shear = np.eye(3) + np.triu(rng.normal(scale=0.15, size=(3, 3)), 1) * (rng.random() < 0.5)
    matrix = affines.from_matvec(rotation @ flips @ np.diag(spacing) @ shear, rng.uniform(-200, 200, 3))
    array = np.arange(24).reshape(4, 3, 2).T
    canonical = nib.as_closest_canonical(nib.Nifti1Image(array.astype(np.int16), matrix))
    cases.append({
        "affine": matrix,
        "codes": "".join(nib.aff2axcodes(matrix)),
        "canonicalAffine": canonical.affine,
        "canonicalShape": canonical.shape[::-1],
        "canonicalData": np.asanyarray(canonical.dataobj).T.ravel(),
    })
rotations = []
for _ in range(12):
    quaternion = rng.normal(size=4)
    quaternion *= np.sign(quaternion[0]) / np.linalg.norm(quaternion)
    rotations.append({"quaternion": quaternion, "matrix": quaternions.quat2mat(quaternion)})
write_json("orientation.json", {"cases": cases, "rotations": rotations})

# --- Resizing --------------------------------------------------------------------------------------------------------

resize = []
for source, target in [((3, 5, 4), (5, 4, 7)), ((7, 6, 9), (3, 6, 4)), ((1, 3, 2), (2, 6, 1))]:
    array = rng.normal(scale=300, size=source).astype(np.float32)
    tensor = torch.from_numpy(array)[None, None]
    run = lambda mode, **more: torch.nn.functional.interpolate(tensor, target, mode=mode, **more)[0, 0].numpy().ravel()
    resize.append({
        "source": source,
        "target": target,
        "data": array.ravel(),
        "trilinear": run("trilinear", align_corners=False),
        "nearest": run("nearest"),
        "nearestExact": run("nearest-exact"),
    })
lines = []
for source, target in [(512, 160), (147, 80), (93, 80), (80, 147), (160, 512), (31, 62), (100, 97), (7, 160), (211, 3)]:
    ramp = torch.arange(source, dtype=torch.float32)[None, None]
    run = lambda mode, **more: torch.nn.functional.interpolate(ramp, target, mode=mode, **more)[0, 0].numpy()
    lines.append({
        "source": source,
        "target": target,
        "linear": run("linear", align_corners=False),
        "nearest": run("nearest").astype(int),
        "nearestExact": run("nearest-exact").astype(int),
    })
write_json("resize.json", {"volumes": resize, "lines": lines})

# --- Components, distances, surfaces ---------------------------------------------------------------------------------

shape = (6, 8, 9)
components = []
for density in (0.2, 0.45):
    mask = rng.random(shape) < density
    labels = {str(count): ndimage.label(mask, ndimage.generate_binary_structure(3, rank))[0].ravel()
              for rank, count in ((1, 6), (2, 18), (3, 26))}
    components.append({"shape": shape, "mask": bits(mask), "labels": labels})
write_json("components.json", components)

distances = []
for density, spacing in ((0.9, (1, 1, 1)), (0.985, (3.0, 0.75, 0.8)), (0.5, (0.7, 5.0, 1.1))):
    mask = rng.random(shape) < density
    distances.append({
        "shape": shape,
        "mask": bits(mask),
        "spacing": spacing,
        "distances": ndimage.distance_transform_edt(mask, sampling=spacing).ravel(),
    })
write_json("distances.json", distances)

z, y, x = np.ogrid[:12, :16, :18]
first = ((z - 5) / 4.5) ** 2 + ((y - 7) / 6) ** 2 + ((x - 8) / 5) ** 2 < 1
second = ((z - 6) / 3.5) ** 2 + ((y - 9) / 6.5) ** 2 + ((x - 13) / 6) ** 2 < 1  # cut by the border
surfaces = []
for spacing in (None, (2.5, 0.8, 0.9)):
    surfaces.append({
        "spacing": spacing,
        "asd": medpy.asd(first, second, spacing),
        "asdBack": medpy.asd(second, first, spacing),
        "hd": medpy.hd(first, second, spacing),
        "hd95": medpy.hd95(first, second, spacing),
    })
border = {str(count): int((second & ~ndimage.binary_erosion(second, ndimage.generate_binary_structure(3, rank))).sum())
          for rank, count in ((1, 6), (2, 18), (3, 26))}
write_json("surfaces.json", {"shape": first.shape, "first": bits(first), "second": bits(second),
                             "surfaces": surfaces, "secondBorder": border})

# --- float16 and safetensors -----------------------------------------------------------------------------------------

halves = np.sort(rng.integers(0, 0x7C00, 40)).astype(np.uint16).view(np.float16).astype(np.float32)
ties = (halves[:-1].view(np.uint32) & 0xFFFFE000 | 0x1000).view(np.float32)
near = np.concatenate([ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, np.float32(np.inf))])
small = np.float32(2.0**-24) * np.array([0.25, 0.5, 0.50001, 0.75, 1, 1.5, 2.5, 1022.5, 1023.5, 1024.5], np.float32)
large = np.array([65503, 65504, 65519, 65519.996, 65520, 65536, 1e9, 3.4e38], np.float32)
values = np.concatenate([near, small, large, -small, -large, np.array([0.0, 1, -1, 0.1, 1 / 3], np.float32)])
write_json("float16.json", {"values": values.astype(float), "bits": values.astype(np.float16).view(np.uint16)})

save_file(
    {
        "weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
        "half": np.array([1.5, -0.1, 65504], np.float16),
        "steps": np.array([-5, 2**31 - 1], np.int32),
        "mask": np.array([[1], [0], [255]], np.uint8),
        "count": np.array(2**53 + 1, np.int64),
        "empty": np.zeros((0, 4), np.float32),
    },
    HERE / "reference.safetensors",
    metadata={"format": "np", "note": "größer"},
)
(HERE / "reference.safetensors").chmod(0o644)

# --- Random streams: an independent statement of the derivation, in whole numbers --------------------------------------


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k[0], second & 0xFFFFFFFF, first >> 32 ^ c[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def stream_words(seed, stream, epoch, step, item, blocks):
    seed_key, name = [seed % 2**32, seed >> 32], stream.encode()
    state = philox([len(name), 0, 0, 0], seed_key)
    for start in range(0, len(name), 16):
        block = name[start:start + 16].ljust(16, b"\0")
        state = philox([s ^ int.from_bytes(block[4 * i:4 * i + 4], "little") for i, s in enumerate(state)], seed_key)
    return [word for block in range(blocks) for word in philox([block, item, step, epoch], state[:2])]


assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
keys = [(0, "sampler", 0, 0, 0), (2**53 - 1, "mixer-pic/größe der Kiste", 3, 500, 7), (17, "", 2**32 - 1, 1, 2)]
write_json("rng.json", [
    {"key": dict(zip(("seed", "stream", "epoch", "step", "item"), key)), "words": stream_words(*key, 2)} for key in keys
])
