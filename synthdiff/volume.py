"""VolumeDiffusion: score-based diffusion for medical images, in 3-D and 2-D.

A volume and the depth under the surface of each of its labels are halved again and again into Haar bands. The coarsest
scale is learnt as it is, every finer one as the detail that is added to a coarser volume (Guth et al. 2022, "Wavelet
score-based generative modeling"); each scale by a net of its own, after a filter that knows the data's Gaussian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthdiff.codec.condition import ConditionCodec
from synthdiff.codec.volume import VolumeCodec
from synthdiff.diffusion import EDM
from synthdiff.diffusion.haar import bands, volumes
from synthdiff.diffusion.sde import SDE
from synthdiff.diffusion.wiener import COMPONENTS, Wiener
from synthdiff.effort import Effort, volume_plan
from synthdiff.errors import DataError, ModelError
from synthdiff.generator import Generator, device_of
from synthdiff.nets.scale import PATCH, Scale, scale_loss
from synthdiff.nets.unet import Backbone, UNet
from synthdiff.progress import SILENT, Progress
from synthdiff.samplers import DPMpp, Sampler
from synthdiff.samplers.sampler import noise_from
from synthdiff.seeds import blocks, derive, numpy_generator, torch_generator
from synthdiff.training.loop import History, autocast, train
from synthdiff.voxels import Volume

__all__ = ["VolumeDiffusion"]

BLOCK = 8
"""Volumes that are seeded and computed together when sampling."""

COARSEST = 1024
"""Voxels of the coarsest scale at most."""

SMALLEST = 20
"""Fewer training volumes than this are refused."""

COARSE_LEVELS: SDE = EDM(sigma_min=0.02, sigma_max=40)
DETAIL_LEVELS: SDE = EDM(sigma_min=0.01, sigma_max=10)
"""Sampling begins with the data's own Gaussian under noise of the highest level, which hides all that it lacks."""


class VolumeDiffusion(Generator):
    """Learns images of one kind, with their label maps if they have any, and samples from them.

    Parameters
    ----------
    effort : {"quick", "standard", "thorough"}
        How long to train each scale; training also stops when the validation loss stops falling.
    budget_seconds : float, optional
        Train for at most this long instead (wall clock), all scales together.
    budget_steps : int, optional
        Train each scale for at most this many steps instead.
    shape : sequence of int, optional
        The grid of the volumes, which are cropped or padded about their centre; by default the median one.
    spacing : sequence of float, optional
        Millimetres from voxel to voxel of that grid, to which volumes are resampled; by default the median one.
    validation : float
        Share of the subjects kept apart to decide when to stop.
    coarse, detail : Backbone
        The nets of the coarsest scale and of the finer ones.
    sampler : Sampler
    steps : int
        Of sampling, at each scale.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...
    random_state : int
        Seed of everything; the same seed gives the same model and the same volumes.

    Attributes
    ----------
    codec_ : VolumeCodec
    conditions_ : ConditionCodec
    histories_ : tuple of History
        By scale, the coarsest first.
    """

    kind: ClassVar[str] = "volume"

    def __init__(
        self,
        effort: Effort = "standard",
        budget_seconds: float | None = None,
        budget_steps: int | None = None,
        shape: Sequence[int] | None = None,
        spacing: Sequence[float] | None = None,
        validation: float = 0.1,
        coarse: Backbone | str | dict[str, Any] = UNet(channels=(48, 96)),  # noqa: B008 - frozen
        detail: Backbone | str | dict[str, Any] = UNet(channels=(32, 48, 96)),  # noqa: B008
        sampler: Sampler | str | dict[str, Any] = DPMpp(),  # noqa: B008
        steps: int = 16,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.effort = effort
        self.budget_seconds = budget_seconds
        self.budget_steps = budget_steps
        self.shape = shape
        self.spacing = spacing
        self.validation = validation
        self.coarse = coarse
        self.detail = detail
        self.sampler = sampler
        self.steps = steps
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[Volume],
        y: object = None,
        *,
        conditions: pd.DataFrame | None = None,
        checkpoint: Path | None = None,
        progress: Progress = SILENT,
    ) -> Self:
        """Learn volumes.

        Parameters
        ----------
        X : sequence of Volume
            Of one kind: modality, axes, with label maps or without.
        y : ignored
            For scikit-learn's sake.
        conditions : DataFrame, optional
            A row for each volume, of what sampling may later be told: numbers and levels.
        checkpoint : Path, optional
            The folder in which to keep the state of training; an existing one is taken up.

        Raises
        ------
        DataError
            When there are too few volumes, or they are not of one kind.
        """
        if len(X) < SMALLEST:
            raise DataError(f"there are {len(X)} images to learn from", mend=f"give at least {SMALLEST}")
        if conditions is not None and len(conditions) != len(X):
            raise DataError(
                f"{len(X)} images and {len(conditions)} rows of conditions", mend="give a row for each image"
            )
        self.codec_ = VolumeCodec.fit(X, self.shape, self.spacing)
        self.conditions_ = ConditionCodec.fit(conditions)
        told = self.conditions_.encode(conditions, len(X))
        kept, held = _validation_part([volume.subject for volume in X], self.validation, self.random_state)
        tensor = self._padded(self.codec_.encode(X))
        self.mean_ = tensor[kept].mean(0, keepdim=True)
        self.spread_ = (tensor[kept] - self.mean_).transpose(0, 1).flatten(1).std(1).clamp_min(1e-6)
        scales = self._pyramid((tensor - self.mean_) / self._per_channel(tensor))
        device, self.nets_, histories = device_of(self.device), torch.nn.ModuleList(), []
        share = self.budget_seconds / len(scales) if self.budget_seconds else None
        for number, (detail, coarse) in enumerate(scales):
            wiener = Wiener.fit(detail[kept], COMPONENTS if number == 0 else 0)
            net = self._net(number, wiener, coarse.shape[1])
            net.knows(coarse[kept])
            fold = torch.full((len(X),), wiener.whole)
            fold[kept] = wiener.fold(len(kept))
            records = (detail, fold, coarse, told)
            seen = np.prod([min(side, PATCH) for side in detail.shape[2:]])
            history = train(
                net.to(device),
                scale_loss,
                tuple(part[kept].to(device) for part in records),
                tuple(part[held].to(device) for part in records),
                volume_plan(len(kept), int(seen), self.effort, self.budget_steps, share),
                name=f"the images, scale {number + 1} of {len(scales)}",
                seed=derive(self.random_state, "train", number),
                device=device,
                checkpoint=checkpoint / f"volume-{number}.safetensors" if checkpoint else None,
                fingerprint=self._fingerprint(records),
                progress=progress,
            )
            self.nets_.append(net)
            histories.append(history)
        self.histories_ = tuple(histories)
        return self

    @property
    def evaluations(self) -> int:
        """How often a net is evaluated for one volume, over all scales."""
        self._check_fitted()
        return len(self.nets_) * Sampler.build(self.sampler).evaluations(self.steps)

    def sample(
        self,
        n: int,
        given: Mapping[str, object] | None = None,
        random_state: int | None = None,
        *,
        guidance: float = 1.0,
        progress: Progress = SILENT,
    ) -> list[Volume]:
        """Draw synthetic volumes.

        Parameters
        ----------
        n : int
        given : mapping of str to value, optional
            What the volumes are to be of, by the columns that were given to ``fit``.
        random_state : int, optional
            Seed of the draw; the model's own by default.
        guidance : float
            How much the condition counts: above 1 more than in the data, for clearer cases and less variety (Ho and
            Salimans 2022).

        Returns
        -------
        list of Volume
            On the codec's grid. The first of a longer draw are those of a shorter one.

        Raises
        ------
        ModelError
            When the model is not fitted, ``n`` is not positive or a condition is unknown.
        """
        self._check_fitted()
        if n < 1:
            raise ModelError(f"{n} images were asked for", mend="ask for at least one")
        seed = self.random_state if random_state is None else random_state
        told = self.conditions_.told(given or {}, BLOCK).to(device_of(self.device))
        drawn: list[Volume] = []
        with progress.phase("sampling", n) as phase:
            for index, start, stop in blocks(n, BLOCK):
                tensor = self._block(told, guidance, seed, index)
                drawn += self.codec_.decode(tensor[: stop - start])
                phase.advance(stop - start)
        return drawn

    @torch.no_grad()
    def _block(self, told: Tensor, guidance: float, seed: int, index: int) -> Tensor:
        """One block of records, of shape ``(BLOCK, channels, *shape)``."""
        device, sampler = device_of(self.device), Sampler.build(self.sampler)
        nets = self._scales()
        coarse = torch.zeros(BLOCK, 0, *nets[0].wiener.mean.shape[2:], device=device)
        for number, net in enumerate(nets):
            levels = (COARSE_LEVELS if number == 0 else DETAIL_LEVELS).sigmas(self.steps)
            generator = torch_generator(seed, "volumes", index, number)

            def normal(*shape: int, generator: torch.Generator = generator) -> Tensor:
                return torch.randn(shape, generator=generator).to(device)

            def denoise(x: Tensor, sigma: Tensor, net: Scale = net, coarse: Tensor = coarse) -> Tensor:
                with autocast(device):
                    clean = net.denoise(x, sigma, coarse, told)
                    if guidance == 1 or not told.any():
                        return clean
                    untold = net.denoise(x, sigma, coarse, torch.zeros_like(told))
                return untold + guidance * (clean - untold)

            sides = (BLOCK, *net.wiener.mean.shape[1:])
            start = net.wiener.draw(normal(*sides), normal(BLOCK, len(net.wiener.variances)))
            drawn = sampler(denoise, start + float(levels[0]) * normal(*sides), levels, noise_from(generator))
            coarse = volumes(drawn if number == 0 else torch.cat([coarse, drawn], 1))
        found = coarse.cpu() * self._per_channel(coarse) + self.mean_
        for axis, side in enumerate(self.codec_.shape, 2):
            found = found.narrow(axis, 0, side)
        return found

    def _pyramid(self, tensor: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The bands of each scale and the coarser volumes that they are added to, the coarsest scale first."""
        scales = []
        for _ in range(self._halvings):
            split = bands(tensor)
            tensor, detail = split[:, : self.codec_.channels], split[:, self.codec_.channels :]
            scales.append((detail.contiguous(), tensor.contiguous()))
        whole = bands(tensor)
        return [(whole, whole[:, :0]), *reversed(scales)]

    @property
    def _halvings(self) -> int:
        """How often a volume is halved before the coarsest scale."""
        axes, voxels, halvings = len(self.codec_.shape), np.prod(self.codec_.shape), 0
        while voxels > COARSEST:
            voxels, halvings = voxels / 2**axes, halvings + 1
        return halvings

    def _padded(self, tensor: Tensor) -> Tensor:
        """With the last voxels repeated until all scales and the levels of all nets divide the sides."""
        shape, halvings = self.codec_.shape, self._halvings
        sides = [-(-side // 2 ** (halvings + 1)) for side in shape]
        divisor = 2 ** (halvings + 1) * Backbone.build(self.coarse).divisor(sides)
        for number in range(1, halvings + 1):
            finer = [side * 2 ** (number - 1) for side in sides]
            divisor = max(divisor, 2 ** (halvings + 2 - number) * Backbone.build(self.detail).divisor(finer))
        for axis, side in enumerate(shape, 2):
            missing = -side % divisor
            edge = tensor.narrow(axis, side - 1, 1)
            tensor = torch.cat([tensor, edge.repeat_interleave(missing, axis)], axis)
        return tensor

    def _per_channel(self, like: Tensor) -> Tensor:
        return self.spread_.view(1, -1, *[1] * (like.ndim - 2))

    def _net(self, number: int, wiener: Wiener, coarser: int) -> Scale:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.random_state, "weights", number))
            backbone = Backbone.build(self.coarse if number == 0 else self.detail)
            return Scale(backbone, wiener, coarser, self.conditions_.width)

    def _scales(self) -> list[Scale]:
        return [net for net in self.nets_ if isinstance(net, Scale)]

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {"mean": self.mean_, "spread": self.spread_, **self.nets_.state_dict()}
        nets = self._scales()
        return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, {
            "codec": self.codec_.model_dump(mode="json"),
            "conditions": self.conditions_.model_dump(mode="json"),
            "scales": [[list(net.wiener.mean.shape[1:]), len(net.wiener.variances), net.wiener.whole] for net in nets],
            "histories": [asdict(history) for history in self.histories_],
        }

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.codec_ = VolumeCodec.model_validate(facts["codec"])
        self.conditions_ = ConditionCodec.model_validate(facts["conditions"])
        self.histories_ = tuple(History(**history) for history in facts["histories"])
        self.mean_, self.spread_ = tensors.pop("mean"), tensors.pop("spread")
        self.nets_ = torch.nn.ModuleList()
        for number, (shape, components, folds) in enumerate(facts["scales"]):
            coarser = self.codec_.channels if number else 0
            self.nets_.append(self._net(number, Wiener(tuple(shape), components, folds), coarser))
        self.nets_.load_state_dict(tensors)
        self.nets_.to(device_of(self.device)).eval()


def _validation_part(subjects: Sequence[str], share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Positions of the volumes that are learnt from, and of those of a share of the subjects to validate on."""
    named = [subject or f"#{number}" for number, subject in enumerate(subjects)]
    keys = pd.factorize(pd.Series(named))[0]
    order = numpy_generator(seed, "validation").permutation(int(keys.max()) + 1)
    chosen = order[: max(2, round(share * len(order)))]
    held = np.isin(keys, chosen)
    return torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))
