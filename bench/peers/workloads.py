"""The rows of the engine benchmark: what one step is, on which data, with which PyTorch settings."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import networks
import vit
from exchange import channels_last_kernel

CLASSES = 14
SLOPE = 0.01
MOMENTUM = 0.9

TRAINING = {
    "vnet16-2x32x64x64": {"network": "vnet", "size": [2, 32, 64, 64]},
    "vnet16-2x48x96x96": {"network": "vnet", "size": [2, 48, 96, 96]},
    "unet2d16-8x256x256": {"network": "unet2d", "size": [8, 256, 256]},
}
SLIDING = {
    "sliding-window-vnet16": {"volume": [80, 160, 160], "window": [64, 128, 128], "stride": [16, 32, 32]},
}

# The fastest of tune.py on two cores of an AVX-512 machine; `default` is what a first program does.
BEST_TRAINING = {"compile": True, "channels_last": True, "norm": "group", "fused_sgd": True}
BEST_SLIDING = {"engine": "freeze", "channels_last": False, "batch": 1}
DEFAULT_TRAINING = {"compile": False, "channels_last": False, "norm": "instance", "fused_sgd": False}
DEFAULT_SLIDING = {"engine": "eager", "channels_last": False, "batch": 1}


def settings_of(row, variant):
    if row == "vits16-online":
        return {"compile": variant == "best"}
    if row in SLIDING:
        return dict(BEST_SLIDING if variant == "best" else DEFAULT_SLIDING)
    return dict(BEST_TRAINING if variant == "best" else DEFAULT_TRAINING)


def without_compiler(settings):
    """The next best where torch.compile is missing or finds no C++ compiler."""
    if "engine" in settings:
        return {**settings, "engine": "jit", "channels_last": False}
    return dict(DEFAULT_TRAINING) if "norm" in settings else {"compile": False}


def build_network(kind, filters, norm, slope):
    options = {"norm": norm, "slope": slope}
    if kind == "vnet":
        return networks.VNet(filters, CLASSES, [1, 2, 3, 3], [3, 2, 1], options)
    if kind == "unet2d":
        return networks.UNet2d(filters, CLASSES, 5, options)
    return networks.VNet(filters, CLASSES, [1, 2, 3, 3, 3], [3, 3, 2, 1], options, bias=True)


def random_batch(size):
    """Image [b, 1, ...], labels int64 [b, ...], class weights [k]."""
    image = torch.randn(size[0], 1, *size[1:])
    labels = torch.randint(0, CLASSES, tuple(size))
    return image, labels, torch.linspace(0.5, 1.5, CLASSES)


def memory_format(dims, channels_last):
    if not channels_last:
        return torch.contiguous_format
    return torch.channels_last if dims == 2 else torch.channels_last_3d


def export_parameters(network):
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {k: channels_last_kernel(v.detach()) for k, v in tensors.items() if v.is_floating_point()}


class Training:
    """Forward, loss, backward and SGD with momentum; one step returns the loss."""

    def __init__(self, row, settings, seed):
        torch.manual_seed(seed)
        spec = TRAINING[row]
        self.network = build_network(spec["network"], 16, settings["norm"], SLOPE)
        self.image, self.labels, self.class_weights = random_batch(spec["size"])
        layout = memory_format(len(spec["size"]) - 1, settings["channels_last"])
        self.exported = {
            **{k: v.clone() for k, v in export_parameters(self.network).items()},
            "image": self.image.squeeze(1).unsqueeze(-1),
            "labels": self.labels.to(torch.int32),
            "classWeights": self.class_weights,
        }
        self.network = self.network.to(memory_format=layout)
        self.image = self.image.contiguous(memory_format=layout)
        fused = {"fused": True} if settings["fused_sgd"] else {}
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.01, momentum=MOMENTUM, **fused)
        self.forward = torch.compile(self.loss) if settings["compile"] else self.loss

    def loss(self, image, labels, class_weights):
        return networks.segmentation_loss(self.network(image), labels, class_weights)

    def step(self):
        loss = self.forward(self.image, self.labels, self.class_weights)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()


class Probabilities(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, x):
        return torch.softmax(self.network(x), 1)


class DenseOutput(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, x):
        return torch.softmax(self.network(x.to_mkldnn()).to_dense(), 1)


def fold_batch_norm(network):
    for unit in network.modules():
        if isinstance(unit, networks.ConvUnit):
            unit.conv = fuse_conv_bn_eval(unit.conv, unit.norm, transpose=isinstance(unit.conv, nn.ConvTranspose3d))
            unit.norm = nn.Identity()
    return network


def prepare_inference(network, engine, example):
    """The ways of PyTorch to run a frozen network on a CPU."""
    if engine == "eager":
        return Probabilities(network)
    if engine == "folded":
        return Probabilities(fold_batch_norm(network))
    if engine == "mkldnn":
        from torch.utils import mkldnn

        return DenseOutput(mkldnn.to_mkldnn(fold_batch_norm(network)))
    if engine == "jit":
        with torch.no_grad():
            return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(Probabilities(network), example)))
    if engine == "compile":
        return torch.compile(Probabilities(fold_batch_norm(network)))
    import torch._inductor.config as inductor

    inductor.freezing = True
    return torch.compile(Probabilities(network))


class SlidingWindow:
    """One volume to labels; one step returns the mean of the highest averaged probability."""

    def __init__(self, row, settings, seed):
        torch.manual_seed(seed)
        self.spec = SLIDING[row]
        network = build_network("vnet-batch", 16, "batch", 0).eval()
        for unit in network.modules():
            if isinstance(unit, nn.BatchNorm3d):
                unit.running_mean.normal_(0, 0.1)
                unit.running_var.uniform_(0.5, 1.5)
        self.volume = torch.randn(self.spec["volume"])
        self.exported = {**{k: v.clone() for k, v in export_parameters(network).items()}, "volume": self.volume}
        self.batch = settings["batch"]
        self.layout = memory_format(3, settings["channels_last"])
        example = torch.zeros(self.batch, 1, *self.spec["window"]).contiguous(memory_format=self.layout)
        network = network.to(memory_format=self.layout)
        self.network = prepare_inference(network, settings["engine"], example)

    def step(self):
        window, stride = self.spec["window"], self.spec["stride"]
        with torch.no_grad():
            _, mean = networks.sliding_window(
                self.network, self.volume, window, stride, CLASSES, self.batch, self.layout
            )
        return mean


def build_workload(row, settings, seed=0):
    if row == "vits16-online":
        return vit.OnlineTeacher(settings, seed)
    return (SlidingWindow if row in SLIDING else Training)(row, settings, seed)


def reference_gradients(network, filters, size, slope, seed):
    """Loss and gradients of one step in float64, with float32 weights and data to start from."""
    torch.manual_seed(seed)
    model = build_network(network, filters, "instance", slope)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("scale", "offset", "bias")):
                parameter.add_(0.2 * torch.randn_like(parameter))
    image, labels, class_weights = random_batch(size)
    start = {k: v.clone() for k, v in export_parameters(model).items()}
    data = {
        "image": image.squeeze(1).unsqueeze(-1),
        "labels": labels.to(torch.int32),
        "classWeights": class_weights,
    }
    model = model.double()
    loss = networks.segmentation_loss(model(image.double()), labels, class_weights.double())
    loss.backward()
    gradients = {f"gradient:{k}": channels_last_kernel(v.grad) for k, v in model.named_parameters()}
    return loss.item(), {**start, **data, **gradients}
