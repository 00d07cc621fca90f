"""PyTorch as a benchmark participant: one JSON request a line on stdin, one JSON reply a line on stdout.

{"cmd": "init", "row": ..., "variant": "best" | "default", "threads": 2, "exportTo": path}
{"cmd": "step", "n": 3}
{"cmd": "gradients", "network": ..., "filters": ..., "size": [...], "slope": ..., "seed": ..., "exportTo": path}
{"cmd": "exit"}
"""

import sys
import time

import torch

import exchange
import workloads
from serve import serve, status


def cpu_capability():
    backend = getattr(torch.backends, "cpu", None)
    return backend.get_cpu_capability() if hasattr(backend, "get_cpu_capability") else None


class Peer:
    def __init__(self):
        self.workload = None

    def init(self, request):
        torch.set_num_threads(request.get("threads", 2))
        base = status("VmHWM")
        row, variant = request["row"], request.get("variant", "best")
        settings = {**workloads.settings_of(row, variant), **request.get("settings", {})}
        notes = []
        start = time.perf_counter()
        try:
            self.workload = workloads.build_workload(row, settings)
            value = self.workload.step()
        except Exception as error:
            if not settings.get("compile") and settings.get("engine") not in ("compile", "freeze"):
                raise
            notes.append(f"the best settings failed ({type(error).__name__}: {str(error)[:120]}); ran without torch.compile")
            settings = workloads.without_compiler(settings)
            self.workload = workloads.build_workload(row, settings)
            value = self.workload.step()
        if request.get("exportTo"):
            exchange.write_safetensors(request["exportTo"], self.workload.exported)
        self.workload.exported = None
        return {
            "value": value,
            "firstStepMs": 1e3 * (time.perf_counter() - start),
            "baseMb": base,
            "settings": settings,
            "notes": notes,
            "versions": {
                "torch": torch.__version__,
                "python": sys.version.split()[0],
                "onednn": torch.backends.mkldnn.is_available(),
                "capability": cpu_capability(),
            },
        }

    def step(self, request):
        times = []
        value = None
        for _ in range(request.get("n", 1)):
            start = time.perf_counter()
            value = self.workload.step()
            times.append(1e3 * (time.perf_counter() - start))
        return {"ms": times, "value": value, "peakMb": status("VmHWM"), "rssMb": status("VmRSS")}

    def gradients(self, request):
        loss, tensors = workloads.reference_gradients(
            request["network"], request["filters"], request["size"], request["slope"], request["seed"]
        )
        exchange.write_safetensors(request["exportTo"], tensors)
        return {"loss": loss, "torch": torch.__version__}


if __name__ == "__main__":
    serve(Peer())
