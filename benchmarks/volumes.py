"""Volumes beside their peer: ``python -m benchmarks.volumes --images … --labels …``.

`VolumeDiffusion` at its default settings (or in another space), and the design of MONAI's tutorial 3d_ddpm (a U-Net in
voxels that guesses the noise, 1,000 steps of DDPM) with a U-Net of about as many parameters, learn the same scans for
the same minutes in one run, and are judged by the same checks. The default data are the 260 hippocampus scans of the
Medical Segmentation Decathlon.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.tables.engines.registry import ROOT
from synthdiff.auditing import audit_images
from synthdiff.codec.volume import VolumeCodec
from synthdiff.data import read_volumes, split_subjects
from synthdiff.nets.space import Cascade, Haar, Latent, Space, Voxels
from synthdiff.progress import Progress, progress_to
from synthdiff.seeds import torch_generator
from synthdiff.training.loop import Plan, autocast, train
from synthdiff.volume import VolumeDiffusion
from synthdiff.voxels import Volume

SHAPE = (32, 48, 32)
STEPS = 1000
CHECKS = (
    "radiomic_distance",
    "kid",
    "image_support",
    "intensity",
    "structures",
    "spectrum",
    "diversity",
    "memorisation",
    "image_utility",
)

Drawn = tuple[list[Volume], dict[str, float]]
"""Synthetic volumes; seconds of training and of sampling, parameters, evaluations a volume."""


def ours(scans: Sequence[Volume], minutes: float, count: int, progress: Progress, space: Space | None = None) -> Drawn:
    """VolumeDiffusion at its default settings but for the time and, if it is given, the space."""
    model = VolumeDiffusion(budget_seconds=60 * minutes, shape=SHAPE, random_state=0)
    if space is not None:
        model.set_params(space=space, first=model.detail)
    began = time.monotonic()
    model.fit(scans, progress=progress)
    fitted = time.monotonic()
    drawn = model.sample(count, progress=progress)
    facts = {"parameters": model.parameters, "evaluations": model.evaluations}
    return drawn, {"training": fitted - began, "sampling": time.monotonic() - fitted, **facts}


def tutorial(scans: Sequence[Volume], minutes: float, count: int, progress: Progress) -> Drawn:
    """MONAI's 3d_ddpm: its U-Net, its scheduler, 1,000 steps; image and depth of the labels as channels."""
    from monai.networks.nets.diffusion_model_unet import DiffusionModelUNet
    from monai.networks.schedulers.ddpm import DDPMScheduler

    codec = VolumeCodec.fit(scans, SHAPE)
    records = codec.encode(scans)
    scale = records.transpose(0, 1).flatten(1).abs().quantile(0.999, dim=1).view(1, -1, 1, 1, 1)
    records = records / scale
    torch.manual_seed(0)
    net = DiffusionModelUNet(
        spatial_dims=3,
        in_channels=codec.channels,
        out_channels=codec.channels,
        channels=(32, 64, 128),
        attention_levels=(False, False, True),
        num_res_blocks=1,
        num_head_channels=(8, 8, 32),
        norm_num_groups=8,
    )
    net = net.to(memory_format=torch.channels_last_3d)  # a third faster
    scheduler = DDPMScheduler(STEPS, schedule="scaled_linear_beta", beta_start=0.0005, beta_end=0.0195)

    def loss(net: nn.Module, batch: tuple[Tensor, ...], generator: torch.Generator) -> Tensor:
        (x,) = batch
        noise = torch.randn(x.shape, generator=generator)
        times = torch.randint(STEPS, (len(x),), generator=generator)
        noisy = scheduler.add_noise(x, noise, times)
        return (net(noisy, times).float() - noise).square().flatten(1).mean(1)

    plan = Plan(steps=10**9, seconds=60 * minutes, batch=8, rate=1e-3)
    began, device = time.monotonic(), torch.device("cpu")
    train(net, loss, (records,), None, plan, name="the tutorial's net", seed=0, device=device, progress=progress)
    fitted = time.monotonic()
    drawn: list[Volume] = []
    with progress.phase("sampling the tutorial's", STEPS * -(-count // 8)) as phase, torch.no_grad():
        for block in range(-(-count // 8)):
            generator = torch_generator(0, "block", block)
            x = torch.randn(8, codec.channels, *SHAPE, generator=generator)
            x = x.contiguous(memory_format=torch.channels_last_3d)
            for step in reversed(range(STEPS)):
                with autocast(device):
                    guess = net(x, torch.full((8,), step)).float()
                x, _ = scheduler.step(guess, step, x, generator=generator)
                phase.advance()
            drawn += codec.decode(x * scale)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    facts = {"parameters": parameters, "evaluations": STEPS}
    return drawn[:count], {"training": fitted - began, "sampling": time.monotonic() - fitted, **facts}


ENGINES: dict[str, Callable[[Sequence[Volume], float, int, Progress], Drawn]] = {
    "synthdiff": ours,
    "voxels": partial(ours, space=Voxels()),
    "haar": partial(ours, space=Haar()),
    "cascade of three": partial(ours, space=Cascade(coarsest=1024)),
    "latent": partial(ours, space=Latent()),
    "3d_ddpm": tutorial,
}
"""By name; those between the default and the peer are the same engine in other spaces."""


def sheet(volumes: Sequence[Volume], file: Path, count: int = 10) -> None:
    """The middle planes of the first volumes, three rows."""
    rows = []
    for axis in range(3):
        planes = []
        for volume in volumes[:count]:
            plane = np.take(volume.array, volume.array.shape[axis] // 2, axis=axis).astype(float).T[::-1]
            low, high = np.quantile(volume.array, [0.01, 0.99])
            grey = np.clip((plane - low) / max(high - low, 1e-9), 0, 1)
            planes.append(np.pad(grey, ((1, 49 - plane.shape[0]), (1, 49 - plane.shape[1]))))
        rows.append(np.concatenate(planes, axis=1))
    picture = Image.fromarray((255 * np.concatenate(rows)).astype(np.uint8))
    picture.resize((2 * picture.width, 2 * picture.height)).save(file)


def table(found: dict[str, dict[str, Any]]) -> str:
    """The figures of all engines side by side, with what held-out scans score."""
    engines = list(found)
    lines = ["| figure | " + " | ".join(engines) + " | real |", "|---" * (len(engines) + 2) + "|"]
    for fact in ("training", "sampling", "parameters", "evaluations"):
        lines.append(f"| {fact} | " + " | ".join(f"{found[engine]['facts'][fact]:,.0f}" for engine in engines) + " | |")
    for name in found[engines[0]]["estimates"]:
        said, real = [], "–"
        for engine in engines:
            one = found[engine]["estimates"][name]
            said.append(f"{one['value']:.3f} [{one['interval'][0]:.3f}, {one['interval'][1]:.3f}]")
            real = f"{one['reference']['value']:.3f}" if one["reference"] else "–"
        lines.append(f"| `{name}` | " + " | ".join(said) + f" | {real} |")
    return "\n".join(lines)


def main() -> int:
    """Train, sample, judge, print."""
    data = ROOT.parent / "shared" / "data" / "images" / "msd_hippocampus"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volumes", description=__doc__)
    parser.add_argument("--images", type=Path, default=data / "images")
    parser.add_argument("--labels", type=Path, default=data / "labels")
    parser.add_argument("--minutes", type=float, default=25, help="of training, each")
    parser.add_argument("--count", type=int, default=24, help="volumes to draw, each")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the nets")
    parser.add_argument("--engines", nargs="*", choices=list(ENGINES), default=["synthdiff", "3d_ddpm"])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "benchmarks" / "volumes")
    ask = parser.parse_args()
    torch.set_num_threads(ask.threads)
    ask.out.mkdir(parents=True, exist_ok=True)
    scans = read_volumes(ask.images, labels=ask.labels, modality="MR")
    learnt, held = split_subjects(scans, 0.2, seed=0)
    codec = VolumeCodec.fit(learnt, SHAPE)
    learnt, held = ([codec.conform(scan) for scan in part] for part in (learnt, held))
    sheet(held, ask.out / "real.png")
    for engine in ask.engines:
        drawn, facts = ENGINES[engine](learnt, ask.minutes, ask.count, progress_to())
        sheet(drawn, ask.out / f"{engine}.png")
        report = audit_images(learnt, drawn, held, checks=CHECKS, progress=progress_to()).to_dict()
        estimates = {name: one for check in report["checks"].values() for name, one in check["estimates"].items()}
        kept = {"facts": facts, "estimates": estimates}
        (ask.out / f"{engine}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    found = {
        engine: json.loads(file.read_text()) for engine in ENGINES if (file := ask.out / f"{engine}.json").exists()
    }
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
