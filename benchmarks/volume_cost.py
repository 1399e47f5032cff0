"""What volumes cost: ``python -m benchmarks.volume_cost --sides 64 128``.

Time of a training step by stage, of sampling a volume, and peak memory, on made-up volumes with one label, at the
generator's default settings. Uses a GPU where there is one; each side in a process of its own, for the peak's sake.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import torch

from synthdiff.generator import device_of
from synthdiff.volume import VolumeDiffusion
from synthdiff.volumedrawing import BLOCK
from synthdiff.voxels import Volume


def scans(side: int, n: int) -> list[Volume]:
    """Volumes of noise, each with a labelled cube."""
    draw = np.random.default_rng(0)
    made = []
    for number in range(n):
        labels = np.zeros((side,) * 3, np.uint8)
        corner = draw.integers(1, side // 2, 3)
        labels[tuple(slice(start, start + side // 3) for start in corner)] = 1
        array = (100 * draw.normal(size=labels.shape) + 300.0 * labels).astype(np.int16)
        made.append(Volume(array, np.eye(4), "MR", labels=labels, subject=f"p{number}"))
    return made


def measure(side: int, steps: int, n: int) -> str:
    """A line of the table."""
    device = device_of("auto")
    model = VolumeDiffusion(budget_steps=steps).fit(scans(side, n))
    a_step = ", ".join(f"{history.seconds / steps:.3f}" for history in model.histories_)
    usual = model.steps
    model.set_params(steps=2).sample(BLOCK)
    model.set_params(steps=usual)
    began = time.monotonic()
    model.sample(BLOCK, random_state=1)
    a_volume = (time.monotonic() - began) / BLOCK
    if device.type == "cuda":
        where, peak = torch.cuda.get_device_name(device), torch.cuda.max_memory_allocated(device) / 2**30
    else:
        where, peak = f"{torch.get_num_threads()} threads", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"| {side}³ | {where} | {model.parameters / 1e6:.1f} | {a_step} | {a_volume:.2f} | {model.evaluations} "
        f"| {peak:.1f} |"
    )


def main() -> int:
    """Print a table, a line for each side."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volume_cost", description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--steps", type=int, default=20, help="of training, by stage, validation included")
    parser.add_argument("--scans", type=int, default=24)
    ask = parser.parse_args()
    if len(ask.sides) == 1:
        print(measure(ask.sides[0], ask.steps, ask.scans))
        return 0
    print("| volume | on | parameters, million | s a step, by stage | s a volume | evaluations | GiB at most |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for side in ask.sides:
        settings = ["--sides", str(side), "--steps", str(ask.steps), "--scans", str(ask.scans)]
        subprocess.run([sys.executable, "-m", "benchmarks.volume_cost", *settings], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
