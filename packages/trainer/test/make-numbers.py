"""Writes the numbers that the tests of packages/trainer compare with.

Run with PyTorch 2.x and NumPy from the folder of this file:

    python make-numbers.py

Everything is computed by PyTorch in float32 (in float64 where stated) and stored channel-last, as the trainer has it.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

OUT = Path(__file__).parent / "numbers"
torch.manual_seed(0)
torch.set_num_threads(1)


def pack(tensor):
    return {"shape": list(tensor.shape), "data": [float(f"{v:.9g}") for v in tensor.detach().flatten().tolist()]}


def last(tensor):
    return pack(tensor.movedim(1, -1).contiguous())


def filter_last(weight):
    """[out, in, d, h, w] -> [d, h, w, in, out]; for a transposed one [in, out, ...] -> [d, h, w, out, in]."""
    return pack(weight.permute(2, 3, 4, 1, 0).contiguous())


def rand(*shape):
    return torch.randn(*shape, requires_grad=True)


def gradients(y, *inputs):
    upstream = torch.randn_like(y)
    return upstream, torch.autograd.grad((y * upstream).sum(), inputs)


def write(name, cases):
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))


def same_pad(sizes, kernel, strides, dilations):
    """TensorFlow's rule: the output has ceil(size / stride), the odd zero goes to the end."""
    pads = []
    for size, k, s, d in zip(sizes, kernel, strides, dilations):
        total = max((math.ceil(size / s) - 1) * s + (k - 1) * d + 1 - size, 0)
        pads.append((total // 2, total - total // 2))
    return [p for pair in reversed(pads) for p in pair]


def convolutions():
    cases = []
    for name, shape, kernel, strides, dilations, padding in [
        ("3x3x3 same", (4, 5, 6), (3, 3, 3), (1, 1, 1), (1, 1, 1), "same"),
        ("3x3x3 valid", (4, 5, 6), (3, 3, 3), (1, 1, 1), (1, 1, 1), "valid"),
        ("2x2x2 stride 2 same", (4, 6, 4), (2, 2, 2), (2, 2, 2), (1, 1, 1), "same"),
        ("3x3x3 stride 2 same, odd sizes", (5, 7, 4), (3, 3, 3), (2, 2, 2), (1, 1, 1), "same"),
        ("1x3x3 same", (3, 5, 4), (1, 3, 3), (1, 1, 1), (1, 1, 1), "same"),
        ("3x3x3 dilation 2 same", (6, 5, 7), (3, 3, 3), (1, 1, 1), (2, 2, 2), "same"),
        ("2x3x2 dilation 2x1x3 valid", (6, 5, 7), (2, 3, 2), (1, 1, 1), (2, 1, 3), "valid"),
    ]:
        x, w, b = rand(2, 3, *shape), rand(4, 3, *kernel), rand(4)
        padded = F.pad(x, same_pad(shape, kernel, strides, dilations)) if padding == "same" else x
        y = F.conv3d(padded, w, b, stride=strides, dilation=dilations)
        g, (gx, gw, gb) = gradients(y, x, w, b)
        cases.append({
            "name": name, "strides": strides, "dilations": dilations, "padding": padding,
            "x": last(x), "filter": filter_last(w), "bias": pack(b), "y": last(y), "upstream": last(g),
            "gradients": [last(gx), filter_last(gw), pack(gb)],
        })
    write("conv3d", cases)


def transposed_convolutions():
    cases = []
    for name, shape, kernel, strides in [
        ("2x2x2 stride 2", (3, 4, 2), (2, 2, 2), (2, 2, 2)),
        ("3x3x3 stride 2", (3, 4, 2), (3, 3, 3), (2, 2, 2)),
        ("1x2x2 stride 1x2x2", (3, 4, 2), (1, 2, 2), (1, 2, 2)),
    ]:
        x, w, b = rand(2, 4, *shape), rand(4, 3, *kernel), rand(3)
        full = F.conv_transpose3d(x, w, None, stride=strides)
        # The transpose of a TensorFlow "same" convolution: its padding is cut off again.
        size = [n * s for n, s in zip(shape, strides)]
        before = [max((n - 1) * s + k - n * s, 0) // 2 for n, s, k in zip(shape, strides, kernel)]
        y = full[:, :, before[0]:before[0] + size[0], before[1]:before[1] + size[1], before[2]:before[2] + size[2]]
        y = y + b.view(1, -1, 1, 1, 1)
        g, (gx, gw, gb) = gradients(y, x, w, b)
        cases.append({
            "name": name, "strides": strides, "x": last(x), "filter": filter_last(w), "bias": pack(b), "y": last(y),
            "upstream": last(g), "gradients": [last(gx), filter_last(gw), pack(gb)],
        })
    write("conv3d-transpose", cases)


def normalisations():
    cases = []
    for norm, slope, groups, training in [
        ("instance", 0.01, None, True), ("instance", 1, None, True), ("group", 0, 2, True), ("batch", 0.01, None, True),
        ("batch", 0.01, None, False), ("none", 0.2, None, True),
    ]:
        x = (torch.randn(2, 4, 3, 4, 5) * 2 + 3).requires_grad_()
        scale, offset = rand(4), rand(4)
        running = [torch.randn(4), torch.rand(4) + 0.5]
        before = [r.clone() for r in running]
        if norm == "instance":
            y = F.instance_norm(x, weight=scale, bias=offset)
        elif norm == "group":
            y = F.group_norm(x, groups, scale, offset)
        elif norm == "batch":
            y = F.batch_norm(x, running[0], running[1], scale, offset, training, 0.1)
        else:
            y = x
        y = F.leaky_relu(y, slope)
        inputs = [x] if norm == "none" else [x, scale, offset]
        g, grads = gradients(y, *inputs)
        cases.append({
            "name": f"{norm}, slope {slope}, training {training}", "norm": norm, "slope": slope, "groups": groups,
            "training": training, "x": last(x), "scale": pack(scale), "offset": pack(offset),
            "before": [pack(r) for r in before], "after": [pack(r) for r in running], "y": last(y),
            "upstream": last(g), "gradients": [last(grads[0])] + [pack(v) for v in grads[1:]],
        })
    write("norm-activation", cases)


def resizes():
    cases = []
    for shape, size in [((3, 4, 5), (6, 7, 5)), ((6, 5, 8), (3, 5, 3)), ((1, 4, 4), (4, 8, 2))]:
        x = rand(2, 3, *shape)
        y = F.interpolate(x, size=size, mode="trilinear", align_corners=False)
        g, (gx,) = gradients(y, x)
        cases.append({
            "name": f"{shape} to {size}", "shape": size, "x": last(x), "y": last(y), "upstream": last(g),
            "gradients": [last(gx)],
        })
    write("resize-trilinear", cases)


def dice_terms(p, t, m, smooth):
    dims = (0, 2, 3, 4)
    tp, fp, fn = (m * p * t).sum(dims), (m * p * (1 - t)).sum(dims), (m * (1 - p) * t).sum(dims)
    return (2 * tp + smooth) / (2 * tp + fp + fn + smooth)


def losses():
    cases = []
    for name, ce, dice, soft, use_w, use_m, background, smooth in [
        ("plain", 1, 1, False, False, False, False, 1),
        ("class weights", 1, 1, False, True, False, False, 1),
        ("voxel weights", 0.5, 2, False, False, True, False, 1),
        ("both weights, background", 1, 1, False, True, True, True, 1e-5),
        ("cross-entropy alone", 1, 0, False, True, True, False, 1),
        ("Dice alone", 0, 1, False, False, True, False, 1),
        ("soft target", 1, 1, True, True, True, False, 1),
    ]:
        k = 4
        z = rand(2, k, 3, 4, 2)
        target = torch.softmax(torch.randn(2, k, 3, 4, 2), 1) if soft else torch.randint(0, k, (2, 3, 4, 2))
        w = torch.rand(k) + 0.5 if use_w else torch.ones(k)
        m = torch.rand(2, 3, 4, 2) if use_m else torch.ones(2, 3, 4, 2)
        if soft:
            t = target
            weighted = t * w.view(1, -1, 1, 1, 1)
            cross = (-(weighted * torch.log_softmax(z, 1)).sum(1) * m).sum() / weighted.sum()
        else:
            t = F.one_hot(target, k).movedim(-1, 1).float()
            cross = (F.cross_entropy(z, target, weight=w, reduction="none") * m).sum() / w[target].sum()
            if not use_m:
                assert torch.allclose(cross, F.cross_entropy(z, target, weight=w))
        d = dice_terms(torch.softmax(z, 1), t, m.unsqueeze(1), smooth) * w
        loss = ce * cross + dice * (1 - (d if background else d[1:]).mean())
        (gz,) = torch.autograd.grad(loss, [z])
        cases.append({
            "name": name, "crossEntropy": ce, "dice": dice, "background": background, "smooth": smooth,
            "logits": last(z), "target": last(target) if soft else pack(target),
            "classWeights": pack(w) if use_w else None, "voxelWeight": pack(m) if use_m else None,
            "loss": loss.item(), "gradients": [last(gz)],
        })
    write("cross-entropy-dice", cases)


def trajectory(name, make, steps=5):
    """Five steps with given gradients and a changing rate; `fixed` is exempt from weight decay."""
    decayed, fixed = torch.randn(3, 2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    start = [decayed.float(), fixed.float()]
    params = [torch.nn.Parameter(decayed.float()), torch.nn.Parameter(fixed.float())]
    optimizer, rates = make(params), [0.1 * (1 - s / steps) ** 0.9 for s in range(steps)]
    grads, after = [], []
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = rate
        step = [torch.randn_like(p) for p in params]
        for p, g in zip(params, step):
            p.grad = g.clone()
        optimizer.step()
        grads.append([pack(g) for g in step])
        after.append([pack(p) for p in params])
    return {"name": name, "start": [pack(p) for p in start], "rates": rates, "gradients": grads, "after": after}


def groups(params, decay):
    return [{"params": [params[0]], "weight_decay": decay}, {"params": [params[1]], "weight_decay": 0.0}]


def optimizers():
    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    write("optimizers", [
        trajectory("sgd-nesterov", lambda p: sgd(groups(p, 3e-2), lr=1, momentum=0.9, nesterov=True)),
        trajectory("sgd-momentum", lambda p: sgd(groups(p, 3e-2), lr=1, momentum=0.9)),
        trajectory("sgd", lambda p: sgd(groups(p, 3e-2), lr=1)),
        trajectory("adam", lambda p: adam(groups(p, 3e-2), lr=1)),
        trajectory("adamw", lambda p: adamw(groups(p, 3e-2), lr=1)),
    ])


if __name__ == "__main__":
    convolutions()
    transposed_convolutions()
    normalisations()
    resizes()
    losses()
    optimizers()
