"""Net: the trunk of a denoiser, chosen by name in the recipe."""

from __future__ import annotations

from torch import nn

from synthdiff.parts import Part


class Net(Part):
    """The family of trunks: each maps features of shape ``(n, width)`` to features of the same shape."""

    width: int

    def trunk(self) -> nn.Module:
        """Make the module, freshly initialised from torch's global generator, which the caller seeds."""
        raise NotImplementedError
