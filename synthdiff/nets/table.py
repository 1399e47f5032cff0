"""The table's denoiser: from the visible columns of a row, what each hidden one may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from synthdiff.diffusion.absorbing import Vocabulary
from synthdiff.diffusion.mixture import Mixture
from synthdiff.nets.net import Net
from synthdiff.nets.ties import Link, Ties

COMPONENTS = 8
"""Gaussians in the mixture of a detail."""

FINEST = 0.003
"""The smallest scale of a mixture's component, in standard deviations of the detail."""

BUMPS = 16
"""Bumps along the line from which the weights of ordered codes are made."""

WAVES = 8
"""Smooth features of each visible detail."""


class Tables(NamedTuple):
    """Embeddings of codes and of hidden columns, and the codes' output weights."""

    inputs: Tensor
    outputs: Tensor


class RowNet(nn.Module):
    """Embeds what is visible of a row, and predicts each hidden column: its code, and its detail if it has one.

    Parameters
    ----------
    vocabulary : Vocabulary
    places : sequence of int
        Which columns have a detail; it is their last code that has one.
    positions : Tensor of float32, shape (total,)
        Where a code lies on its column's line; NaN for codes without order.
    marginals : Tensor of float32, shape (total,)
        Log-probabilities of the codes in the training part: where the output starts.
    net : Net
        The trunk.
    links : sequence of Link
        Ties between columns.
    target : int, optional
        The column that is learnt the better for being predicted from all others.
    """

    places: Tensor
    bodies: Tensor
    membership: Tensor
    offsets: Tensor

    def __init__(
        self,
        vocabulary: Vocabulary,
        places: Sequence[int],
        positions: Tensor,
        marginals: Tensor,
        net: Net,
        links: Sequence[Link] = (),
        target: int | None = None,
    ) -> None:
        super().__init__()
        self.vocabulary, self.target = vocabulary, target
        columns, details = len(vocabulary.states), len(places)
        self.register_buffer("places", torch.tensor(places, dtype=torch.int64), persistent=False)
        bodies = torch.tensor([vocabulary.states[place] - 1 for place in places], dtype=torch.int64)
        self.register_buffer("bodies", bodies, persistent=False)
        self.register_buffer("membership", vocabulary.membership(), persistent=False)
        self.register_buffer("offsets", vocabulary.offsets, persistent=False)
        self.embedding = CodeWeights(vocabulary, positions, net.width, 1 / math.sqrt(columns))
        self.hidden = nn.Parameter(torch.randn(columns, net.width) / math.sqrt(columns))
        self.slopes = nn.Parameter(torch.randn(details, WAVES))
        self.shifts = nn.Parameter(torch.randn(details, WAVES))
        self.inputs = nn.Linear((2 + WAVES) * details, net.width, bias=False) if details else None
        self.ties = Ties(links, net.width, math.log(FINEST)) if links else None
        self.trunk = net.trunk()
        self.outputs = CodeWeights(vocabulary, positions, net.width, 0.1 / math.sqrt(net.width))
        self.bias = nn.Parameter(marginals.clone())
        self.mixtures = nn.Linear(net.width, 3 * COMPONENTS * details) if details else None
        if self.mixtures is not None:
            with torch.no_grad():
                self.mixtures.weight.mul_(0.1)
                start = torch.zeros(3, COMPONENTS, details)
                start[1] = torch.linspace(-1.5, 1.5, COMPONENTS)[:, None]
                start[2] = -0.5
                self.mixtures.bias.copy_(start.flatten())

    def present(self, codes: Tensor) -> Tensor:
        """Which details exist under the codes: bool of shape ``(n, details)``."""
        return codes[:, self.places] == self.bodies

    def tables(self) -> Tables:
        """The weights of codes, made once for many calls."""
        return Tables(torch.cat([self.embedding(), self.hidden]), self.outputs())

    def forward(
        self, tables: Tables, codes: Tensor, detail: Tensor, visible: Tensor, same: Tensor | None = None
    ) -> Tensor:
        """Features of rows, shape ``(n, width)``.

        Parameters
        ----------
        tables : Tables
        codes : Tensor of int64, shape (n, columns)
        detail : Tensor of float32, shape (n, details)
        visible : Tensor of bool, shape (n, columns)
            A column is visible as a whole, code and detail; what stands in hidden places does not matter.
        same : Tensor of bool, shape (n, ties), optional
            Where a tie's target repeats its source; needed where there are ties.
        """
        hidden = self.vocabulary.total + torch.arange(codes.shape[1], device=codes.device)
        index = torch.where(visible, codes + self.offsets, hidden)
        features: Tensor = nn.functional.embedding_bag(index, tables.inputs, mode="sum")
        if self.inputs is not None:
            shown = (self.present(codes) & visible[:, self.places]).to(detail.dtype)
            x = detail * shown
            waves = nn.functional.silu(x[:, :, None] * self.slopes + self.shifts) * shown[:, :, None]
            features = features + self.inputs(torch.cat([x, shown, waves.flatten(1)], 1))
        if self.ties is not None and same is not None:
            features = features + self.ties(same, visible)
        trunk: Tensor = self.trunk(features)
        return trunk

    def logits(self, tables: Tables, features: Tensor, column: int | None = None) -> Tensor:
        """Logits of the codes of one column, shape ``(n, states)``, or of all, shape ``(n, total)``."""
        part = slice(None) if column is None else self.vocabulary.part(column)
        return nn.functional.linear(features, tables.outputs[part], self.bias[part])

    def mixture(self, features: Tensor, detail: int | None = None) -> Mixture:
        """The mixture of one detail or of all, given that it exists."""
        assert self.mixtures is not None
        weight = self.mixtures.weight.view(3, COMPONENTS, len(self.places), -1)
        bias = self.mixtures.bias.view(3, COMPONENTS, len(self.places))
        part = slice(None) if detail is None else slice(detail, detail + 1)
        weight, bias = weight[:, :, part], bias[:, :, part]
        made = nn.functional.linear(features, weight.flatten(0, 2), bias.flatten()).float()
        weights, means, scales = made.view(-1, *bias.shape).unbind(1)
        finest = math.log(FINEST)
        return Mixture(weights.log_softmax(1), means, finest + nn.functional.softplus(scales - finest))

    def shown(self, codes: Tensor, visible: Tensor) -> Tensor | None:
        """Of which ties the source is visible and has a value; None without ties."""
        return None if self.ties is None else self.ties.shown(codes, visible)

    def log_density(
        self, features: Tensor, codes: Tensor, detail: Tensor, visible: Tensor, anchors: Tensor | None = None
    ) -> Tensor:
        """The log-density of every detail, given that it exists and repeats no other: shape ``(n, details)``.

        Parameters
        ----------
        features : Tensor of float, shape (n, width)
        codes, detail, visible : Tensor
            As in :meth:`forward`.
        anchors : Tensor of float32, shape (n, ties), optional
            The values of the ties' sources as normal scores of their targets; needed where there are ties.
        """
        free = self.mixture(features)
        found = free.log_prob(detail)
        if self.ties is not None and anchors is not None:
            tied = self.ties.beside(free, features, anchors, self.ties.shown(codes, visible))
            found = found.index_copy(1, self.ties.tied, tied.log_prob(detail[:, self.ties.tied]))
        return found


class CodeWeights(nn.Module):
    """A vector for each code: one of its own, and for codes on a line also a smooth function of their position.

    Neighbouring numbers then teach each other, which a column of many values and few records needs.
    """

    spots: Tensor
    bumps: Tensor
    taken: Tensor

    def __init__(self, vocabulary: Vocabulary, positions: Tensor, width: int, scale: float) -> None:
        super().__init__()
        ordered = ~positions.isnan()
        columns = [place for place in range(len(vocabulary.states)) if ordered[vocabulary.part(place)].any()]
        longest = max((vocabulary.states[place] for place in columns), default=0)
        bumps = torch.zeros(len(columns), longest, BUMPS + 1)
        centres = torch.linspace(-2.5, 2.5, BUMPS)
        for row, place in enumerate(columns):
            at = positions[vocabulary.part(place)].nan_to_num()[:, None]
            shape = torch.exp(-0.5 * ((at - centres) / (centres[1] - centres[0])).square())
            on = ordered[vocabulary.part(place)].float()[:, None]
            bumps[row, : vocabulary.states[place]] = torch.cat([shape, at], 1) * on
        spots = [torch.arange(vocabulary.total)[vocabulary.part(place)] for place in columns]
        taken = [row * longest + torch.arange(vocabulary.states[place]) for row, place in enumerate(columns)]
        self.register_buffer("bumps", bumps, persistent=False)
        self.register_buffer("spots", torch.cat([*spots, torch.zeros(0, dtype=torch.int64)]), persistent=False)
        self.register_buffer("taken", torch.cat([*taken, torch.zeros(0, dtype=torch.int64)]), persistent=False)
        own = torch.where(ordered, 0.2, 1.0)[:, None]
        self.own = nn.Parameter(torch.randn(vocabulary.total, width) * scale * own)
        self.along = nn.Parameter(torch.randn(len(columns), BUMPS + 1, width) * scale / 2)

    def forward(self) -> Tensor:
        """The vectors, shape ``(total, width)``."""
        if not len(self.spots):
            return self.own
        smooth = torch.bmm(self.bumps, self.along).flatten(0, 1)[self.taken]
        return self.own.index_add(0, self.spots, smooth.to(self.own.dtype))
