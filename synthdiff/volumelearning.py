"""How volumes are learnt: one net after another, each with its share of the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from synthdiff.effort import Effort, volume_plan
from synthdiff.nets.scale import PATCH
from synthdiff.progress import Progress
from synthdiff.seeds import derive, numpy_generator
from synthdiff.training.loop import Batch, History, Loss, train


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
