"""PyTorch as the participant of the group `protocol`; requests as in torch_peer.py. A step also tells the milliseconds of the on-line teacher."""

import sys
import time

import torch

import p1_training
import p1_validate
from serve import serve, status

VARIANTS = {
    "best": {"compile": True, "channels_last": True, "fused_sgd": True, "checkpoint": False},
    # What PyTorch offers to save memory: stages are computed again on the way back.
    "saving": {"compile": True, "channels_last": True, "fused_sgd": True, "checkpoint": True},
    "default": {"compile": False, "channels_last": False, "fused_sgd": False, "checkpoint": False},
}
ROWS = {**p1_training.ROWS, **p1_validate.ROWS}


class Peer:
    def init(self, request):
        torch.set_num_threads(request["threads"])
        base = status("VmHWM")
        settings = VARIANTS[request.get("variant", "best")]
        notes = []
        start = time.perf_counter()
        try:
            self.workload = ROWS[request["row"]](request, settings)
            value = self.workload.run()
        except Exception as error:
            if not settings["compile"]:
                raise
            notes.append(f"the best settings failed ({type(error).__name__}: {str(error)[:120]}); ran without torch.compile")
            settings = {**settings, "compile": False}
            self.workload = ROWS[request["row"]](request, settings)
            value = self.workload.run()
        return {
            "value": value,
            "firstStepMs": 1e3 * (time.perf_counter() - start),
            "baseMb": base,
            "settings": settings,
            "notes": notes,
            "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
        }

    def step(self, request):
        times, online = [], []
        value = None
        for _ in range(request.get("n", 1)):
            start = time.perf_counter()
            value = self.workload.run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times.append(1e3 * (time.perf_counter() - start))
            online.append(1e3 * self.workload.online_seconds)
        return {"ms": times, "onlineMs": online, "value": value, "peakMb": status("VmHWM"), "rssMb": status("VmRSS")}


if __name__ == "__main__":
    serve(Peer())
