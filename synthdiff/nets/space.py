"""Space: what of a volume the nets learn, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from synthdiff.diffusion.haar import bands, volumes
from synthdiff.parts import Part

Stage = tuple[Tensor, Tensor]
"""What is learnt at a stage, and the coarser volume that is known by then, which has no channels at the first stage."""

TOGETHER = 8
"""Volumes that are coded, or asked about, at once."""


class Split(nn.Module):
    """A space made for volumes of some channels: cuts them into stages, and joins what was drawn at each.

    Attributes
    ----------
    apart : bool
        Whether the channels of volumes stay apart: those of a stage repeat them in their order.
    """

    apart: bool = True

    def split(self, x: Tensor) -> list[Stage]:
        """The stages of volumes of shape ``(n, channels, *sides)``, in the order in which they are drawn."""
        raise NotImplementedError

    def join(self, number: int, drawn: Tensor, coarse: Tensor) -> Tensor:
        """The volumes that are known after a stage, from what was drawn at it and those that were known before."""
        raise NotImplementedError


class Pyramid(Split):
    """Volumes halved some times: the coarsest ones, in Haar bands or as they are, then the details of each halving."""

    def __init__(self, halvings: int, banded: bool) -> None:
        super().__init__()
        self.halvings, self.banded = halvings, banded

    def split(self, x: Tensor) -> list[Stage]:
        """The coarsest volumes, then the details between each and the next finer ones."""
        channels, details = x.shape[1], []
        for _ in range(self.halvings):
            both = bands(x)
            x, detail = both[:, :channels].contiguous(), both[:, channels:].contiguous()
            details.append((detail, x))
        first = bands(x) if self.banded else x
        return [(first, first[:, :0]), *reversed(details)]

    def join(self, number: int, drawn: Tensor, coarse: Tensor) -> Tensor:
        """Volumes of the resolution that the stage's details lead to."""
        if number == 0:
            return volumes(drawn) if self.banded else drawn
        return volumes(torch.cat([coarse, drawn], 1))


class Autoencoder(Split):
    """Volumes as codes on a smaller grid, by MONAI's autoencoder with a Gaussian bottleneck."""

    apart = False

    def __init__(self, axes: int, volume_channels: int, channels: Sequence[int], codes: int) -> None:
        super().__init__()
        from monai.networks.nets.autoencoderkl import AutoencoderKL

        self.net = AutoencoderKL(
            spatial_dims=axes,
            in_channels=volume_channels,
            out_channels=volume_channels,
            channels=tuple(channels),
            num_res_blocks=(1,) * len(channels),
            attention_levels=(False,) * len(channels),
            latent_channels=codes,
            norm_num_groups=8,
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
        )

    @torch.no_grad()
    def split(self, x: Tensor) -> list[Stage]:
        """The means of the codes: shape ``(n, codes, *sides / 2 ** (levels - 1))``."""
        device = next(self.parameters()).device
        codes = torch.cat([self.net.encode(part.to(device))[0].to(x.device) for part in torch.split(x, TOGETHER)])
        return [(codes, codes[:, :0])]

    def join(self, number: int, drawn: Tensor, coarse: Tensor) -> Tensor:
        """The volumes that codes stand for."""
        decoded: Tensor = self.net.decode(drawn)
        return decoded


def autoencoder_loss(net: nn.Module, batch: tuple[Tensor, ...], generator: torch.Generator) -> Tensor:
    """The absolute error of volumes that went through the codes, and a little of the codes' distance from a Gaussian.

    Of shape ``(n,)``. The weight of the distance is that of Rombach et al. (2022, "High-resolution image synthesis with
    latent diffusion models", appendix G): the codes are to be bounded, not Gaussian.
    """
    assert isinstance(net, Autoencoder)
    (x,) = batch
    mean, spread = net.net.encode(x)
    mean, spread = mean.float(), spread.float()
    again = net.net.decode(mean + spread * torch.randn(mean.shape, generator=generator).to(mean.device)).float()
    distance = (mean.square() + spread.square() - 2 * spread.log() - 1).flatten(1).sum(1) / 2
    error: Tensor = (again - x).abs().flatten(1).mean(1) + KL_WEIGHT * distance
    return error


KL_WEIGHT = 1e-6


class Space(Part):
    """The family of spaces."""

    def steps(self, shape: Sequence[int]) -> tuple[int, ...]:
        """By stage, how many voxels along an axis one position of its grid stands for.

        Parameters
        ----------
        shape : sequence of int
            The sides of the volumes.
        """
        raise NotImplementedError

    def module(self, channels: int, shape: Sequence[int]) -> Split:
        """Make the split for volumes of so many channels; what must be learnt of it is initialised at random, from
        torch's global generator, which the caller seeds."""
        raise NotImplementedError


class Voxels(Space):
    """Voxels as they are."""

    kind: Literal["voxels"] = "voxels"

    def steps(self, shape: Sequence[int]) -> tuple[int, ...]:
        """One stage, of all voxels."""
        return (1,)

    def module(self, channels: int, shape: Sequence[int]) -> Split:
        """Nothing is split."""
        return Pyramid(0, banded=False)


class Haar(Space):
    """Haar bands: half as many positions along every axis, and nothing lost (Friedrich et al. 2024, "WDM")."""

    kind: Literal["haar"] = "haar"

    def steps(self, shape: Sequence[int]) -> tuple[int, ...]:
        """One stage, of all bands."""
        return (2,)

    def module(self, channels: int, shape: Sequence[int]) -> Split:
        """Bands."""
        return Pyramid(0, banded=True)


class Cascade(Space):
    """A coarse volume in Haar bands, then the details of each doubling of its resolution, given what is coarser.

    Guth et al. (2022), "Wavelet score-based generative modeling".
    """

    kind: Literal["cascade"] = "cascade"
    coarsest: int = Field(8192, ge=64, description="voxels of the coarsest volume at most")

    def steps(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A stage for the coarsest volume and one for each halving."""
        halvings = self._halvings(shape)
        return (2 ** (halvings + 1), *(2**left for left in range(halvings, 0, -1)))

    def module(self, channels: int, shape: Sequence[int]) -> Split:
        """Bands of halved volumes."""
        return Pyramid(self._halvings(shape), banded=True)

    def _halvings(self, shape: Sequence[int]) -> int:
        voxels, halvings = float(prod(shape)), 0
        while voxels > self.coarsest:
            voxels, halvings = voxels / 2 ** len(shape), halvings + 1
        return halvings


class Latent(Space):
    """Codes of an autoencoder that is learnt before (Rombach et al. 2022; Pinaya et al. 2022 for brain volumes)."""

    kind: Literal["latent"] = "latent"
    channels: tuple[int, ...] = Field((32, 64, 64), min_length=2, description="features by level, multiples of 8")
    codes: int = Field(8, ge=1, description="channels of a code")

    def steps(self, shape: Sequence[int]) -> tuple[int, ...]:
        """One stage, of the codes."""
        return (2 ** (len(self.channels) - 1),)

    def module(self, channels: int, shape: Sequence[int]) -> Split:
        """The autoencoder."""
        return Autoencoder(len(shape), channels, self.channels, self.codes)
