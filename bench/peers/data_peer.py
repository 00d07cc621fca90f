"""Python as the participant of the group `data`; requests as in torch_peer.py. One module a row: `create(request)` gives its step and settings."""

import importlib
import importlib.metadata
import importlib.util
import sys
import time

from serve import serve, status

MODULES = {"surface-metrics": "surface_metrics", "prepare-p1": "prepare_p1", "loader": "batch_loader"}
PACKAGES = ("numpy", "scipy", "medpy", "nibabel", "torch")


class Peer:
    def init(self, request):
        base = status("VmHWM")
        self.run, settings = importlib.import_module(MODULES[request["row"]]).create(request)
        start = time.perf_counter()
        value = self.run()
        return {
            "value": value,
            "firstStepMs": 1e3 * (time.perf_counter() - start),
            "baseMb": base,
            "settings": settings,
            "versions": {
                "python": sys.version.split()[0],
                **{name: importlib.metadata.version(name) for name in PACKAGES if importlib.util.find_spec(name)},
            },
        }

    def step(self, request):
        times = []
        value = None
        for _ in range(request.get("n", 1)):
            start = time.perf_counter()
            value = self.run()
            times.append(1e3 * (time.perf_counter() - start))
        return {"ms": times, "value": value, "peakMb": status("VmHWM"), "rssMb": status("VmRSS")}


if __name__ == "__main__":
    serve(Peer())
