"""Scale: the denoiser of one scale of a volume, given the coarser ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

import torch
from torch import Tensor, nn

from synthdiff.diffusion.schedule import LogNormal
from synthdiff.diffusion.sde import along
from synthdiff.diffusion.wiener import Wiener
from synthdiff.nets.unet import Backbone

LEVELS = LogNormal(mean=-0.6, std=1.5)
"""Noise in training: the filter knows all of what is left at the highest levels, the net all at the others."""

PATCH = 32
"""Positions along an axis that training shows the net at once."""

WINDOW = 64**3
"""Positions that the net is shown at once where it is not trained; of larger volumes, one window after another."""

OVERLAP = 0.25
"""What neighbouring windows share, of a side."""

DOUBT = 0.05
"""Noise on the coarser scale in training, in its standard deviations, so that its own small errors are not believed."""

UNTOLD = 0.1
"""The share of conditions hidden in training, for guidance without a classifier (Ho and Salimans 2022)."""

MAPPED = 0.15
"""The share of volumes in training whose label map the net is shown, so that it can paint an image for a given one."""


class Scale(nn.Module):
    """The denoiser of one stage: from noisy records, the coarser volume, a condition and, if it is given, a label map.

    The denoiser is ``W(x, sigma) + e(sigma) net(...)`` where ``W`` is the :class:`Wiener` filter and ``e`` the error by
    channel that it leaves, so that the net's target is of unit size at every level and in every band; with independent
    coordinates of one spread this is EDM's preconditioner (Karras et al. 2022, eq. 7).

    Parameters
    ----------
    backbone : Backbone
    wiener : Wiener
        The filter of the records.
    coarser : int
        Channels of the coarser volume; 0 at the first stage.
    conditions : int
        Numbers of a condition; all nought when nothing is told.
    labels : int
        Channels of a volume that are its label map: the records' channels repeat the image's and these, in turn. 0
        where there are none, or where they cannot be told from the image's.

    Attributes
    ----------
    mapped : Tensor of bool, shape (channels,)
        Which channels of a record are its label map's.
    """

    coarse_mean: Tensor
    coarse_spread: Tensor
    mapped: Tensor

    def __init__(self, backbone: Backbone, wiener: Wiener, coarser: int, conditions: int, labels: int) -> None:
        super().__init__()
        channels, *sides = wiener.mean.shape[1:]
        self.wiener = wiener
        self.register_buffer("coarse_mean", torch.zeros(1, coarser, *sides))
        self.register_buffer("coarse_spread", torch.ones(1, coarser, *[1] * len(sides)))
        self.register_buffer("mapped", torch.arange(channels) % (1 + labels) > 0, persistent=False)
        known = int(self.mapped.sum()) + 1 if labels else 0
        inputs = 2 * channels + coarser + conditions + known + len(sides)
        self.net = backbone.module(window(sides), inputs, channels)

    def knows(self, coarse: Tensor) -> None:
        """Take the mean and the spread of the coarser volumes, of shape ``(n, coarser, *sides)``, that are learnt."""
        if not coarse.shape[1]:
            return
        self.coarse_mean.copy_(coarse.mean(0, keepdim=True))
        spread = (coarse - self.coarse_mean).transpose(0, 1).flatten(1).std(1, correction=0)
        self.coarse_spread.copy_(spread.view(self.coarse_spread.shape).clamp_min(1e-6))

    def seen(
        self,
        x: Tensor,
        sigma: Tensor,
        base: Tensor,
        coarse: Tensor,
        condition: Tensor,
        clean: Tensor | None,
        shown: Tensor,
    ) -> Tensor:
        """What the net sees, of unit size: shape ``(n, inputs, *sides)``.

        Parameters
        ----------
        x, base : Tensor, shape (n, channels, *sides)
            Noisy records, and what the filter makes of them.
        sigma : Tensor, shape (n,)
        coarse : Tensor, shape (n, coarser, *sides)
        condition : Tensor, shape (n, conditions)
        clean : Tensor, shape (n, channels, *sides), optional
            Records whose label maps may be shown.
        shown : Tensor of bool, shape (n,)
            Whose are.
        """
        spread, mean = self.wiener.spread(x), self.wiener.centre(condition)
        noisy = (x - mean) * (spread.square() + along(sigma, x).square()).rsqrt()
        at = positions(x).expand(len(x), *[-1] * (x.ndim - 1))
        parts = [noisy, (base - mean) / spread, (coarse - self.coarse_mean) / self.coarse_spread, at]
        if self.mapped.any():
            told = along(shown.to(x.dtype), x)
            maps = 0 * x[:, self.mapped] if clean is None else ((clean - mean) / spread)[:, self.mapped] * told
            parts += [maps, told.expand(-1, 1, *x.shape[2:])]
        return torch.cat(parts, 1)

    def forward(self, seen: Tensor, sigma: Tensor, condition: Tensor) -> Tensor:
        """The bare net on what :meth:`seen` gives, or on a patch of it; ``condition`` has shape (n, conditions)."""
        told = condition.view(*condition.shape, *[1] * (seen.ndim - 2)).expand(-1, -1, *seen.shape[2:])
        # MONAI embeds time steps of some hundreds.
        raw: Tensor = self.net(torch.cat([seen, told], 1), 25 * (sigma.log() + 8)).float()
        return raw

    def over(self, seen: Tensor, sigma: Tensor, condition: Tensor) -> Tensor:
        """The same for records of any size: what does not fit into a window is put together from several."""
        part = window(seen.shape[2:])
        if part == tuple(seen.shape[2:]):
            whole: Tensor = self(seen, sigma, condition)
            return whole
        from monai.inferers.utils import sliding_window_inference

        found = []
        for one, level, told in zip(*(torch.split(each, 1) for each in (seen, sigma, condition)), strict=True):
            net = partial(self, sigma=level, condition=told)
            joined = sliding_window_inference(one, part, 1, net, overlap=OVERLAP, mode="gaussian")
            assert isinstance(joined, Tensor)
            found.append(joined)
        return torch.cat(found)

    def denoise(
        self, x: Tensor, sigma: Tensor, coarse: Tensor, condition: Tensor, maps: Tensor | None = None
    ) -> Tensor:
        """The clean records that are expected of noisy ones; with ``maps``, records whose label maps they have."""
        base: Tensor = self.wiener(x, sigma, condition)
        shown = torch.full((len(x),), maps is not None, device=x.device)
        seen = self.seen(x, sigma, base, coarse, condition, maps, shown)
        clean: Tensor = base + self.wiener.error(sigma, x) * self.over(seen, sigma, condition)
        return clean if maps is None else torch.where(self.of_maps(x), maps, clean)

    def of_maps(self, x: Tensor) -> Tensor:
        """:attr:`mapped` as a mask of records: shape ``(1, channels, 1, ...)``."""
        return self.mapped.view(1, -1, *[1] * (x.ndim - 2))


def scale_loss(net: nn.Module, batch: tuple[Tensor, ...], generator: torch.Generator) -> Tensor:
    """The squared error of denoising in units of what the filter leaves: shape ``(n,)``.

    Where the label map is shown, that of the image's channels alone.

    Parameters
    ----------
    net : Scale
    batch : tuple of Tensor
        Records, the filter of each, the coarser volume, the condition.
    generator : Generator
    """
    assert isinstance(net, Scale)
    x, fold, coarse, condition = batch
    sigma = LEVELS.draw(len(x), generator).to(x.device)

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator).to(like.device)

    def chance(share: float) -> Tensor:
        return torch.rand(len(x), generator=generator).to(x.device) < share

    noisy = x + along(sigma, x) * noise(x)
    coarse = coarse + DOUBT * net.coarse_spread * noise(coarse)
    hidden, shown = chance(UNTOLD), chance(MAPPED) & net.mapped.any()
    condition = condition * ~hidden[:, None]
    base = net.wiener(noisy, sigma, condition, fold)
    seen, target = net.seen(noisy, sigma, base, coarse, condition, x, shown), (x - base) / net.wiener.error(sigma, x)
    if net.training:
        seen, target = _crop(seen, target, generator)
    raw = net.over(seen, sigma, condition)
    counted = ~(along(shown, x) & net.of_maps(x))
    loss: Tensor = ((raw - target).square() * counted).flatten(1).mean(1)
    return loss


def window(sides: Sequence[int]) -> tuple[int, ...]:
    """The part of a grid that the net is shown at once: all of it, or a cube of :data:`WINDOW` positions at most."""
    longest = max(sides) if prod(sides) <= WINDOW else int(WINDOW ** (1 / len(sides)) + 1e-9)
    return tuple(min(side, longest) for side in sides)


def positions(x: Tensor) -> Tensor:
    """Where each position of a grid lies, from -1 to 1: shape ``(1, axes, *sides)``."""
    lines = [torch.linspace(-1, 1, side, device=x.device) for side in x.shape[2:]]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"))[None]


def _crop(seen: Tensor, target: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same patch of both, where a side is longer than a patch."""
    for axis in range(2, seen.ndim):
        spare = seen.shape[axis] - PATCH
        if spare > 0:
            corner = int(torch.randint(spare + 1, (), generator=generator))
            seen, target = seen.narrow(axis, corner, PATCH), target.narrow(axis, corner, PATCH)
    return seen, target
