"""U-Net: the net of images, MONAI's."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

from pydantic import Field
from torch import nn

from synthdiff.parts import Part

GROUPS = 8
"""Of every group normalisation; MONAI's own default does not divide the widths that a processor can afford."""

TOKENS = 1024
"""Positions of the lowest level at most: all of them attend to one another there."""


class Backbone(Part):
    """The family of nets of images."""

    def module(self, sides: Sequence[int], inputs: int, outputs: int) -> nn.Module:
        """Make the module ``(x, level) -> y``, initialised from torch's global generator, which the caller seeds.

        Parameters
        ----------
        sides : sequence of int
            Of the grid, 2 or 3; images with other sides that the levels divide will do, too.
        inputs, outputs : int
            Channels.
        """
        raise NotImplementedError

    def divisor(self, sides: Sequence[int]) -> int:
        """What the sides of a grid must be multiples of."""
        raise NotImplementedError


class UNet(Backbone):
    """MONAI's diffusion U-Net: residual blocks, attention at the lowest level (Rombach et al. 2022; MONAI 1.4)."""

    kind: Literal["unet"] = "unet"
    channels: tuple[int, ...] = Field((32, 32, 64), min_length=1, description="features by level, multiples of 8")
    blocks: int = Field(1, ge=1, description="residual blocks a level")

    def divisor(self, sides: Sequence[int]) -> int:
        """Two to the power of the levels below the first."""
        return int(2 ** (len(self.widths(sides)) - 1))

    def widths(self, sides: Sequence[int]) -> tuple[int, ...]:
        """The features by level: the lowest levels' alone on a small grid, the lowest one's repeated on a large one."""
        levels = len(self.channels)
        while levels > 1 and min(sides) < 4 * 2 ** (levels - 1):
            levels -= 1
        kept, more = self.channels[-levels:], 0
        while prod(-(-side // 2 ** (levels + more - 1)) for side in sides) > TOKENS:
            more += 1
        return (*kept, *[kept[-1]] * more)

    def module(self, sides: Sequence[int], inputs: int, outputs: int) -> nn.Module:
        """MONAI's module; it has attention in the middle whatever the levels say."""
        from monai.networks.nets.diffusion_model_unet import DiffusionModelUNet

        widths = self.widths(sides)
        made: nn.Module = DiffusionModelUNet(
            spatial_dims=len(sides),
            in_channels=inputs,
            out_channels=outputs,
            channels=widths,
            attention_levels=[False] * len(widths),
            num_res_blocks=self.blocks,
            num_head_channels=[GROUPS] * len(widths),
            norm_num_groups=GROUPS,
        )
        return made
