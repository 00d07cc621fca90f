"""Times every setting of one row in turn, interleaved, and prints the minima: how the settings in workloads.py were chosen.

python tune.py ROW [rounds]
"""

import itertools
import sys
import time

import torch

import workloads

TRAINING = [
    {"compile": c, "channels_last": l, "norm": n, "fused_sgd": f}
    for c, l, n, f in itertools.product((False, True), (False, True), ("instance", "group"), (False, True))
    if f or not c
]
SLIDING = [
    {"engine": e, "channels_last": l, "batch": b}
    for e, l, b in [
        ("eager", False, 1),
        ("folded", False, 1),
        ("folded", True, 1),
        ("jit", False, 1),
        ("mkldnn", False, 1),
        ("compile", True, 1),
        ("freeze", False, 1),
        ("freeze", True, 1),
        ("freeze", True, 2),
    ]
]


def describe(settings):
    return " ".join(f"{k}={v}" for k, v in settings.items())


def main():
    row = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    torch.set_num_threads(2)
    # The limit of compiled graphs counts by code location, and all variants share it.
    torch._dynamo.config.recompile_limit = 64
    workloads_by_name = {}
    for settings in SLIDING if row in workloads.SLIDING else TRAINING:
        start = time.perf_counter()
        try:
            workload = workloads.build_workload(row, settings)
            value = workload.step()
            workload.step()
        except Exception as error:
            print(f"{describe(settings)}: failed, {type(error).__name__}: {error}"[:200], flush=True)
            continue
        print(f"{describe(settings)}: ready in {time.perf_counter() - start:.1f} s, value {value:.6f}", flush=True)
        workloads_by_name[describe(settings)] = (workload, [])
    for _ in range(rounds):
        for workload, times in workloads_by_name.values():
            for _ in range(2 if row in workloads.SLIDING else 4):
                start = time.perf_counter()
                workload.step()
                times.append(1e3 * (time.perf_counter() - start))
    for name, (_, times) in sorted(workloads_by_name.items(), key=lambda item: min(item[1][1])):
        print(f"min {min(times):8.1f} ms  median {sorted(times)[len(times) // 2]:8.1f} ms  {name}")


if __name__ == "__main__":
    main()
