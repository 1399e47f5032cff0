"""How volumes are learnt: one net after another, each with its share of the time that is left; and how well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthdiff.effort import Effort, volume_plan
from synthdiff.nets.scale import LEVELS, PATCH, Scale
from synthdiff.nets.space import TOGETHER, Stage
from synthdiff.progress import Progress
from synthdiff.seeds import blocks, derive, numpy_generator, torch_generator
from synthdiff.training.loop import Batch, History, Loss, autocast, train

Floats = NDArray[np.float64]


@dataclass
class Learning:
    """The training of several nets on the same volumes, in turn.

    Attributes
    ----------
    kept, held : Tensor of int64
        Positions of the volumes that are learnt from, and of those that are validated on.
    nets : int
        How many there are to learn.
    effort, steps, seconds :
        As the generator has them; the seconds are for all nets together.
    seed : int
    device : device
    checkpoints : Path or None
        The folder in which the state of each is kept.
    fingerprint : callable
        Of records, by which a checkpoint knows that it goes with them.
    progress : Progress
    histories : list of History
        Of the nets that were learnt.
    """

    kept: Tensor
    held: Tensor
    nets: int
    effort: Effort
    steps: int | None
    seconds: float | None
    seed: int
    device: torch.device
    checkpoints: Path | None
    fingerprint: Callable[[Batch], str]
    progress: Progress
    histories: list[History] = field(default_factory=list)

    def __call__(self, name: str, net: nn.Module, loss: Loss, records: Batch) -> None:
        """Learn the next net in place; ``records`` are those of all volumes, the first tensor's axes 2 on a grid's."""
        number = len(self.histories)
        spent = sum(history.seconds for history in self.histories)
        # What a net that stopped early leaves is for those that follow.
        share = (self.seconds - spent) / (self.nets - number) if self.seconds else None
        seen = int(np.prod([min(side, PATCH) for side in records[0].shape[2:]]))
        plan = volume_plan(len(self.kept), seen, self.effort, self.steps, share)
        history = train(
            net.to(self.device),
            loss,
            tuple(part[self.kept].to(self.device) for part in records),
            tuple(part[self.held].to(self.device) for part in records),
            plan,
            name=name,
            seed=derive(self.seed, "train", number),
            device=self.device,
            checkpoint=self.checkpoints / f"volume-{number}.safetensors" if self.checkpoints else None,
            fingerprint=self.fingerprint(records),
            progress=self.progress,
        )
        self.histories.append(history)


def validation_part(subjects: Sequence[str], share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Positions of the volumes that are learnt from, and of those of a share of the subjects to validate on."""
    named = [subject or f"#{number}" for number, subject in enumerate(subjects)]
    keys = pd.factorize(pd.Series(named))[0]
    order = numpy_generator(seed, "validation").permutation(int(keys.max()) + 1)
    chosen = order[: max(2, round(share * len(order)))]
    held = np.isin(keys, chosen)
    return torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))


@torch.no_grad()
def losses(nets: Sequence[Scale], stages: Sequence[Stage], conditions: int, draws: int, seed: int) -> Floats:
    """How badly volumes are denoised, over the same noise for all: float64 of shape ``(n,)``.

    Parameters
    ----------
    nets : sequence of Scale
        By stage.
    stages : sequence of Stage
        Of the volumes.
    conditions : int
        Numbers of a condition, of which nothing is told.
    draws : int
        Noises by stage.
    seed : int

    Returns
    -------
    float64 array of shape (n,)
        The mean over stages and draws of the logarithm of the squared error, in units of what the filter leaves.
    """
    found = []
    for number, (net, (x, coarse)) in enumerate(zip(nets, stages, strict=True)):
        device, generator = net.wiener.mean.device, torch_generator(seed, "losses", number)
        levels = LEVELS.draw(draws, generator)
        for level in levels:
            noise = torch.randn(1, *x.shape[1:], generator=generator)
            errors = []
            for _, start, stop in blocks(len(x), TOGETHER):
                clean = x[start:stop].to(device)
                sigma = level.to(device).expand(len(clean))
                told = torch.zeros(len(clean), conditions, device=device)
                with autocast(device):
                    guess = net.denoise(clean + level * noise.to(device), sigma, coarse[start:stop].to(device), told)
                errors.append(((guess - clean) / net.wiener.error(sigma, clean)).square().flatten(1).mean(1).cpu())
            found.append(torch.cat(errors).double().log())
    averaged: Floats = torch.stack(found).mean(0).numpy()
    return averaged
