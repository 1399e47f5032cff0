"""VolumeDiffusion: score-based diffusion for medical images, in 3-D and 2-D.

A volume and the depth under the surface of each of its labels are cut into stages by a space: by default they are
halved again and again into Haar bands, the coarsest ones are learnt as they are and every finer one as the detail that
is added to a coarser volume. Each stage has a net of its own, after a filter that knows the data's Gaussian.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthdiff.codec.condition import ConditionCodec
from synthdiff.codec.volume import VolumeCodec
from synthdiff.diffusion.wiener import COMPONENTS, Wiener
from synthdiff.effort import Effort
from synthdiff.errors import DataError, ModelError
from synthdiff.generator import Generator, device_of
from synthdiff.nets.scale import Scale, scale_loss, window
from synthdiff.nets.space import Autoencoder, Cascade, Space, Split, autoencoder_loss
from synthdiff.nets.unet import Backbone, UNet
from synthdiff.progress import SILENT, Progress
from synthdiff.samplers import DPMpp, Sampler
from synthdiff.seeds import blocks, derive
from synthdiff.training.loop import History
from synthdiff.volumedrawing import BLOCK, draw
from synthdiff.volumelearning import Learning, losses, validation_part
from synthdiff.voxels import Volume

__all__ = ["VolumeDiffusion"]

DRAWS = 12
"""Noises by stage under which a volume's loss is averaged."""

SMALLEST = 20
"""Fewer training volumes than this are refused."""


class VolumeDiffusion(Generator):
    """Learns images of one kind, with their label maps if they have any, and samples from them.

    Parameters
    ----------
    effort : {"quick", "standard", "thorough"}
        How long to train each stage; training also stops when the validation loss stops falling.
    budget_seconds : float, optional
        Train for at most this long instead (wall clock), all stages together.
    budget_steps : int, optional
        Train each stage for at most this many steps instead.
    shape : sequence of int, optional
        The grid of the volumes, which are cropped or padded about their centre; by default the median one.
    spacing : sequence of float, optional
        Millimetres from voxel to voxel of that grid, to which volumes are resampled; by default the median one.
    validation : float
        Share of the subjects kept apart to decide when to stop.
    space : Space
        What of a volume is learnt, and in which order.
    first, detail : Backbone
        The nets of the first stage and of the others.
    sampler : Sampler
    steps : int
        Of sampling, at each stage.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...
    random_state : int
        Seed of everything; the same seed gives the same model and the same volumes.

    Attributes
    ----------
    codec_ : VolumeCodec
    conditions_ : ConditionCodec
    space_ : Split
        The space, made for these volumes.
    histories_ : tuple of History
        By what was trained, in turn.
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
        space: Space | str | dict[str, Any] = Cascade(),  # noqa: B008 - frozen
        first: Backbone | str | dict[str, Any] = UNet(channels=(64, 64), blocks=2),  # noqa: B008
        detail: Backbone | str | dict[str, Any] = UNet(channels=(32, 48, 96)),  # noqa: B008
        sampler: Sampler | str | dict[str, Any] = DPMpp(eta=1),  # noqa: B008
        steps: int = 20,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.effort = effort
        self.budget_seconds = budget_seconds
        self.budget_steps = budget_steps
        self.shape = shape
        self.spacing = spacing
        self.validation = validation
        self.space = space
        self.first = first
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
        kept, held = validation_part([volume.subject for volume in X], self.validation, self.random_state)
        tensor = self._padded(self.codec_.encode(X))
        self.mean_ = tensor[kept].mean(0, keepdim=True)
        self.spread_ = (tensor[kept] - self.mean_).transpose(0, 1).flatten(1).std(1).clamp_min(1e-6)
        tensor = self._standardised(tensor)
        told = self.conditions_.encode(conditions, len(X))
        self.space_ = self._split()
        learn = Learning(
            kept=kept,
            held=held,
            nets=len(self._steps) + isinstance(self.space_, Autoencoder),
            effort=self.effort,
            steps=self.budget_steps,
            seconds=self.budget_seconds,
            seed=self.random_state,
            device=device_of(self.device),
            checkpoints=checkpoint,
            fingerprint=self._fingerprint,
            progress=progress,
        )
        if isinstance(self.space_, Autoencoder):
            learn("the codes", self.space_, autoencoder_loss, (tensor,))
        self.nets_ = torch.nn.ModuleList()
        stages = self.space_.split(tensor)
        for number, (target, coarse) in enumerate(stages):
            wiener = Wiener.fit(target[kept], told[kept], COMPONENTS if number == 0 else 0)
            net = self._net(number, wiener, coarse.shape[1])
            net.knows(coarse[kept])
            fold = torch.full((len(X),), wiener.whole)
            fold[kept] = wiener.fold(len(kept))
            learn(f"the images, stage {number + 1} of {len(stages)}", net, scale_loss, (target, fold, coarse, told))
            self.nets_.append(net)
        self.histories_ = tuple(learn.histories)
        return self

    @property
    def parameters(self) -> int:
        """How many numbers the fitted nets have, those of the space among them."""
        return super().parameters + sum(parameter.numel() for parameter in self.space_.parameters())

    @property
    def evaluations(self) -> int:
        """How often a net is evaluated for one volume, over all stages."""
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
            On the codec's grid, with the finding that was given. The first of a longer draw are those of a shorter one.

        Raises
        ------
        ModelError
            When the model is not fitted, ``n`` is not positive or a condition is unknown.
        """
        self._check_fitted()
        if n < 1:
            raise ModelError(f"{n} images were asked for", mend="ask for at least one")
        return self._drawn(n, given or {}, random_state, guidance, None, progress)

    def paint(
        self,
        maps: Sequence[Volume],
        given: Mapping[str, object] | None = None,
        random_state: int | None = None,
        *,
        guidance: float = 1.0,
        progress: Progress = SILENT,
    ) -> list[Volume]:
        """Draw an image for each of given label maps.

        Parameters
        ----------
        maps : sequence of Volume
            Whose label maps are taken; their images are not looked at.
        given, random_state, guidance
            As in :meth:`sample`.

        Returns
        -------
        list of Volume
            On the codec's grid, with the label maps as they were given.

        Raises
        ------
        ModelError
            When the model was fitted without label maps or in a space that mixes them with the image, or one has none.
        """
        self._check_fitted()
        if not self._labels:
            raise ModelError(
                "this model cannot paint: it has learnt no label maps apart from the images",
                mend="fit volumes with labels, in any space but 'latent'",
            )
        conformed = [self.codec_.conform(volume) for volume in maps]
        bare = [volume.name or f"number {place}" for place, volume in enumerate(maps) if volume.labels is None]
        if bare or not conformed:
            found = f"{len(bare)} of {len(maps)} have no label map" if bare else "no label map was given"
            raise ModelError(found, where=bare[0] if bare else "", mend="give volumes with labels")
        drawn = self._drawn(len(maps), given or {}, random_state, guidance, conformed, progress)
        return [replace(one, labels=mapped.labels) for one, mapped in zip(drawn, conformed, strict=True)]

    def losses(self, X: Sequence[Volume], random_state: int = 0) -> NDArray[np.float64]:
        """How badly each volume is denoised, over the same noise for all: the logarithm of the error's mean square.

        Raises
        ------
        ModelError
            When the model is not fitted.
        """
        self._check_fitted()
        stages = self.space_.split(self._standardised(self._padded(self.codec_.encode(X))))
        return losses(self._scales(), stages, self.conditions_.width, DRAWS, random_state)

    def _drawn(
        self,
        n: int,
        given: Mapping[str, object],
        random_state: int | None,
        guidance: float,
        maps: Sequence[Volume] | None,
        progress: Progress,
    ) -> list[Volume]:
        seed = self.random_state if random_state is None else random_state
        told = self.conditions_.told(given, BLOCK).to(device_of(self.device))
        sampler, drawn = Sampler.build(self.sampler), list[Volume]()
        finding = str(given.get("finding", ""))
        with progress.phase("sampling", n) as phase:
            for index, start, stop in blocks(n, BLOCK):
                shown = None
                if maps is not None:
                    # A block is always whole, so that a record does not depend on how many are asked for.
                    block = [maps[place] for place in range(start, stop)]
                    shown = self._standardised(self._padded(self.codec_.encode((block * BLOCK)[:BLOCK])))
                found = draw(self._scales(), self.space_, sampler, self.steps, told, guidance, (seed, index), shown)
                made = self.codec_.decode(self._cut(found)[: stop - start])
                drawn += [replace(volume, finding=finding) for volume in made]
                phase.advance(stop - start)
        return drawn

    @property
    def _steps(self) -> tuple[int, ...]:
        return Space.build(self.space).steps(self.codec_.shape)

    @property
    def _labels(self) -> int:
        """Label channels that the nets can tell from the image's."""
        return len(self.codec_.labels) if self.space_.apart else 0

    def _backbone(self, number: int) -> Backbone:
        return Backbone.build(self.first if number == 0 else self.detail)

    def _padded(self, tensor: Tensor) -> Tensor:
        """With the last voxels repeated until all stages and the levels of all nets divide the sides."""
        shape = self.codec_.shape
        divisors = [
            step * self._backbone(number).divisor(window([-(-side // step) for side in shape]))
            for number, step in enumerate(self._steps)
        ]
        for axis, side in enumerate(shape, 2):
            missing = -side % max(divisors)
            edge = tensor.narrow(axis, side - 1, 1)
            tensor = torch.cat([tensor, edge.repeat_interleave(missing, axis)], axis)
        return tensor

    def _standardised(self, tensor: Tensor) -> Tensor:
        return (tensor - self.mean_) / self._per_channel(tensor)

    def _cut(self, found: Tensor) -> Tensor:
        """The inverse of :meth:`_padded` and :meth:`_standardised`, on the processor."""
        found = found.cpu() * self._per_channel(found) + self.mean_
        for axis, side in enumerate(self.codec_.shape, 2):
            found = found.narrow(axis, 0, side)
        return found

    def _per_channel(self, like: Tensor) -> Tensor:
        return self.spread_.view(1, -1, *[1] * (like.ndim - 2))

    def _split(self) -> Split:
        with self._weights("space"):
            return Space.build(self.space).module(self.codec_.channels, self.codec_.shape)

    def _net(self, number: int, wiener: Wiener, coarser: int) -> Scale:
        with self._weights(number):
            return Scale(self._backbone(number), wiener, coarser, self.conditions_.width, self._labels)

    @contextmanager
    def _weights(self, of: int | str) -> Iterator[None]:
        """Nets that are made here begin with weights of this model's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.random_state, "weights", of))
            yield

    def _scales(self) -> list[Scale]:
        return [net for net in self.nets_ if isinstance(net, Scale)]

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        nets = self._scales()
        space = {f"space.{name}": tensor for name, tensor in self.space_.state_dict().items()}
        tensors = {"mean": self.mean_, "spread": self.spread_, **space, **self.nets_.state_dict()}
        return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, {
            "codec": self.codec_.model_dump(mode="json"),
            "conditions": self.conditions_.model_dump(mode="json"),
            "stages": [[list(net.wiener.mean.shape[1:]), len(net.wiener.variances), net.wiener.whole] for net in nets],
            "histories": [asdict(history) for history in self.histories_],
        }

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.codec_ = VolumeCodec.model_validate(facts["codec"])
        self.conditions_ = ConditionCodec.model_validate(facts["conditions"])
        self.histories_ = tuple(History(**history) for history in facts["histories"])
        self.mean_, self.spread_ = tensors.pop("mean"), tensors.pop("spread")
        self.space_ = self._split()
        names = [name for name in tensors if name.startswith("space.")]
        self.space_.load_state_dict({name.removeprefix("space."): tensors.pop(name) for name in names})
        self.nets_ = torch.nn.ModuleList()
        for number, (shape, components, folds) in enumerate(facts["stages"]):
            coarser = self.codec_.channels if number else 0
            self.nets_.append(
                self._net(number, Wiener(tuple(shape), components, folds, self.conditions_.width), coarser)
            )
        self.nets_.load_state_dict(tensors)
        for net in (self.space_, self.nets_):
            net.to(device_of(self.device)).eval()
