"""The Gaussian of the data as a denoiser: what is known of every volume before a net has learnt anything.

EDM's preconditioner leaves to the net what the best linear denoiser of *white* data cannot tell (Karras et al. 2022,
appendix B.6). Volumes of one anatomy are far from white: a few dozen principal components hold most of what they have
in common. The best linear denoiser of a Gaussian with these components and a diagonal rest (a Wiener filter in the
eigenbasis, as in probabilistic PCA, Tipping and Bishop 1999) gives the anatomy at high noise, where a net would need
the longest to learn it, and leaves the detail to the net.

With few volumes the components fit the volumes that they were found on, and a net that learns what they leave would
learn nothing of what they leave of a new one. So the components' variances are those of volumes that they were not
found on, and training shows every volume the filter that was fitted without it (cross-fitting).

What a condition says of a volume is linear in the mean, by ridge regression: a net of some hundred volumes is slow to
learn where a finding shows, while the mean over those that have it already tells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthdiff.diffusion.sde import along

FOLDS = 4
COMPONENTS = 64
RIDGE = 20.0
"""Volumes without a say about a condition that those with it weigh against: of a finding's mean, n / (n + 20) count."""

LEAST = 1e-4
"""Variance, as a share of the mean, that every coordinate has at least: air around a patient has none of its own."""


class Wiener(nn.Module):
    """The best linear denoiser of Gaussian data: principal components and, beside them, independent coordinates.

    Parameters
    ----------
    shape : tuple of int
        Of a record: ``(channels, *sides)``.
    components : int
        0 for independent coordinates alone.
    folds : int
        Filters beside the whole one, each fitted without a part of the records; 0 for none.
    conditions : int
        Numbers of a condition; all nought when nothing is told.

    Attributes
    ----------
    basis : Tensor, shape (folds + 1, components, coordinates)
        The last one is fitted to all records.
    variances : Tensor, shape (components,)
        Of records outside the fold that the components were found on.
    rest : Tensor, shape (folds + 1, coordinates)
        Variance of each coordinate beside the components.
    share : Tensor, shape (channels, components)
        How much of a component's variance a coordinate of a channel has on average.
    mean : Tensor, shape (1, *shape)
        Of records of which nothing is told.
    shift : Tensor, shape (conditions, coordinates)
        What each number of a condition adds to it.
    """

    basis: Tensor
    variances: Tensor
    rest: Tensor
    share: Tensor
    mean: Tensor
    shift: Tensor

    def __init__(self, shape: tuple[int, ...], components: int, folds: int, conditions: int) -> None:
        super().__init__()
        coordinates = torch.Size(shape).numel()
        self.register_buffer("basis", torch.zeros(folds + 1, components, coordinates))
        self.register_buffer("variances", torch.zeros(components))
        self.register_buffer("rest", torch.ones(folds + 1, coordinates))
        self.register_buffer("share", torch.zeros(shape[0], components))
        self.register_buffer("mean", torch.zeros(1, *shape))
        self.register_buffer("shift", torch.zeros(conditions, coordinates))

    @classmethod
    def fit(cls, records: Tensor, condition: Tensor, components: int = COMPONENTS) -> Wiener:
        """Fit the filters.

        Parameters
        ----------
        records : Tensor, shape (n, channels, *sides)
            On which the net is to be trained; none of the validation part.
        condition : Tensor, shape (n, conditions)
            What is told of each.
        components : int
            At most; there are never more than a quarter of the records.
        """
        n = len(records)
        components = min(components, n // 4)
        folds = FOLDS if components else 0
        made = cls(tuple(records.shape[1:]), components, folds, condition.shape[1])
        made.mean.copy_(records.mean(0, keepdim=True))
        made.shift.copy_(_ridge(condition.double(), (records - made.mean).flatten(1).double()))
        flat = (records - made.centre(condition)).flatten(1).double()
        fold = made.fold(n)
        inside, outside = torch.zeros_like(flat[0]), torch.zeros_like(flat[0])
        for number in range(folds):
            kept, out = flat[fold != number], flat[fold == number]
            basis = _components(kept, components)
            made.basis[number] = basis
            made.variances += (out @ basis.T).square().mean(0).float() / folds
            rest = _beside(kept, basis).square().mean(0)
            made.rest[number] = rest
            inside += rest
            outside += _beside(out, basis).square().mean(0)
        whole = _components(flat, components)
        made.basis[folds], made.rest[folds] = whole, _beside(flat, whole).square().mean(0)
        made.share.copy_(made._by_channel(whole.square()).T)
        if folds:
            # What the components leave of volumes that they were not found on, over what they leave of the others.
            sides = made.rest.shape[1] // len(made.share)
            more = (made._by_channel(outside) / made._by_channel(inside).clamp_min(1e-30)).float()
            made.rest *= more.repeat_interleave(sides)
        made.rest += LEAST * made.rest.mean(1, keepdim=True)
        return made

    def fold(self, n: int) -> Tensor:
        """Which filter was fitted without each of the ``n`` records: int64 of shape ``(n,)``."""
        folds = len(self.basis) - 1
        return torch.arange(n) % folds if folds else torch.zeros(n, dtype=torch.int64)

    @property
    def whole(self) -> int:
        """The number of the filter for records that are not among those that it was fitted to."""
        return len(self.basis) - 1

    def centre(self, condition: Tensor) -> Tensor:
        """The mean of records of which this is told: shape ``(n, *shape)`` for a condition of ``(n, conditions)``."""
        return self.mean + (condition @ self.shift).view(-1, *self.mean.shape[1:])

    def forward(self, x: Tensor, sigma: Tensor, condition: Tensor, fold: Tensor | None = None) -> Tensor:
        """Denoise.

        Parameters
        ----------
        x : Tensor, shape (n, channels, *sides)
        sigma : Tensor, shape (n,)
        condition : Tensor, shape (n, conditions)
        fold : Tensor of int64, shape (n,), optional
            The filter of each record; the whole one by default.
        """
        centre = self.centre(condition)
        flat, level = (x - centre).flatten(1), sigma.square()[:, None]
        if fold is None:
            return self._filter(flat, level, self.whole).view(x.shape) + centre
        clean = torch.empty_like(flat)
        for number in sorted(set(fold.tolist())):
            chosen = fold == number
            clean[chosen] = self._filter(flat[chosen], level[chosen], number)
        return clean.view(x.shape) + centre

    def error(self, sigma: Tensor, x: Tensor) -> Tensor:
        """The root mean square error by channel that the filter leaves: shape ``(n, channels, 1, ...)``."""
        level = sigma.square()[:, None]
        beside = self._by_channel(self.rest[self.whole])
        found = (self.variances * level / (self.variances + level)) @ self.share.T + beside * level / (beside + level)
        return along(found.sqrt().flatten(), x.flatten(0, 1)).view(*found.shape, *[1] * (x.ndim - 2))

    def spread(self, x: Tensor) -> Tensor:
        """The standard deviation of a channel's coordinates: shape ``(1, channels, 1, ...)``."""
        total = self.share @ self.variances + self._by_channel(self.rest[self.whole])
        return total.sqrt().view(1, -1, *[1] * (x.ndim - 2))

    def draw(self, noise: Tensor, factors: Tensor, condition: Tensor) -> Tensor:
        """Draw from the Gaussian.

        Parameters
        ----------
        noise : Tensor, shape (n, channels, *sides)
        factors : Tensor, shape (n, components)
            Standard normal numbers, both.
        condition : Tensor, shape (n, conditions)
        """
        flat = (
            noise.flatten(1) * self.rest[self.whole].sqrt() + (factors * self.variances.sqrt()) @ self.basis[self.whole]
        )
        return flat.view(noise.shape) + self.centre(condition)

    def _filter(self, flat: Tensor, level: Tensor, number: int) -> Tensor:
        basis, rest = self.basis[number], self.rest[number]
        known = flat @ basis.T
        beside = flat - known @ basis
        return (known * (self.variances / (self.variances + level))) @ basis + beside * (rest / (rest + level))

    def _by_channel(self, coordinates: Tensor) -> Tensor:
        """The mean over each channel's coordinates, along the last axis."""
        channels = self.mean.shape[1]
        split = coordinates.reshape(*coordinates.shape[:-1], channels, coordinates.shape[-1] // channels)
        by_channel: Tensor = split.mean(-1)
        return by_channel


def _ridge(condition: Tensor, flat: Tensor) -> Tensor:
    """What each number of a condition adds to records about their mean: float64 of shape (conditions, coordinates)."""
    weight = condition.T @ condition + RIDGE * torch.eye(condition.shape[1], dtype=condition.dtype)
    shift: Tensor = torch.linalg.solve(weight, condition.T @ flat)
    return shift


def _components(flat: Tensor, count: int) -> Tensor:
    """The principal components, by the eigenvectors of the smaller side: float64 of shape ``(count, coordinates)``."""
    n, coordinates = flat.shape
    if not count:
        return flat.new_zeros(0, coordinates)
    tall = n > coordinates
    _, vectors = torch.linalg.eigh(flat.T @ flat if tall else flat @ flat.T)
    leading = vectors[:, -count:].flip(1).T
    directions = leading if tall else leading @ flat
    normed: Tensor = directions / directions.norm(dim=1, keepdim=True).clamp_min(1e-30)
    return normed


def _beside(flat: Tensor, basis: Tensor) -> Tensor:
    return flat - (flat @ basis.T) @ basis
