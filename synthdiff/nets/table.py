"""The table's denoiser: codes by absorbing diffusion, details by a Gaussian one given the codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synthdiff.diffusion.absorbing import Vocabulary
from synthdiff.diffusion.denoiser import Network
from synthdiff.nets.net import Net


class CodeEmbedding(nn.Module):
    """The sum over the columns of an embedding of each column's code, or of its being masked."""

    offsets: Tensor
    masks: Tensor

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        super().__init__()
        columns = len(vocabulary.states)
        self.table = nn.Embedding(vocabulary.total + columns, width)
        nn.init.normal_(self.table.weight, std=1 / math.sqrt(columns))
        self.register_buffer("offsets", vocabulary.offsets, persistent=False)
        self.register_buffer("masks", vocabulary.total + torch.arange(columns), persistent=False)

    def forward(self, codes: Tensor, masked: Tensor | None = None) -> Tensor:
        """Embed codes of shape ``(n, columns)``; ``masked`` is bool and broadcasts over rows."""
        index: Tensor = codes + self.offsets
        if masked is not None:
            index = torch.where(masked, self.masks, index)
        return nn.functional.embedding_bag(index, self.table.weight, mode="sum")


class TableNet(nn.Module):
    """What both halves share: codes embedded and summed, details beside them, a trunk behind.

    Parameters
    ----------
    vocabulary : Vocabulary
    places : sequence of int
        Which columns have a detail; it is their last code that has one.
    net : Net
        The trunk.
    outputs : int
    """

    places: Tensor
    bodies: Tensor

    def __init__(self, vocabulary: Vocabulary, places: Sequence[int], net: Net, outputs: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.register_buffer("places", torch.tensor(places, dtype=torch.int64), persistent=False)
        self.register_buffer(
            "bodies", torch.tensor([vocabulary.states[place] - 1 for place in places]), persistent=False
        )
        self.embedding = CodeEmbedding(vocabulary, net.width)
        self.inputs = nn.Linear(3 * len(places), net.width, bias=False)
        self.trunk = net.trunk()
        self.head = nn.Linear(net.width, outputs)

    def present(self, codes: Tensor) -> Tensor:
        """Which details exist under the codes: bool of shape ``(n, details)``."""
        return codes[:, self.places] == self.bodies

    def details(self, x: Tensor, present: Tensor, known: Tensor) -> Tensor:
        """Features of details: their values, which exist, and which are known exactly."""
        features: Tensor = self.inputs(torch.cat([x, present.to(x.dtype), known.to(x.dtype)], 1))
        return features


class CodeNet(TableNet):
    """Probabilities of each masked column's clean code, given the visible ones and the known details.

    Parameters
    ----------
    vocabulary, places, net
        As for :class:`TableNet`.
    marginals : Tensor of float32, shape (total,)
        Log-probabilities of the codes in the training part: where the output starts.
    """

    membership: Tensor
    owner: Tensor

    def __init__(self, vocabulary: Vocabulary, places: Sequence[int], net: Net, marginals: Tensor) -> None:
        super().__init__(vocabulary, places, net, vocabulary.total)
        self.register_buffer("membership", vocabulary.membership(), persistent=False)
        self.register_buffer("owner", vocabulary.owner, persistent=False)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.copy_(marginals)

    def forward(self, codes: Tensor, masked: Tensor, x: Tensor, known: Tensor) -> Tensor:
        """Logits of all columns, shape ``(n, total)``.

        Parameters
        ----------
        codes : Tensor of int64, shape (n, columns)
        masked : Tensor of bool, shape (n, columns) or (columns,)
        x : Tensor, shape (n, details)
            Details, of which only the known ones are looked at.
        known : Tensor of bool, shape (n, details)
            A detail is known only where its column is visible.
        """
        logits: Tensor = self.head(self._hidden(codes, masked, x, known))
        return logits

    def logits(self, codes: Tensor, masked: Tensor, x: Tensor, known: Tensor, column: int) -> Tensor:
        """Logits of one column, shape ``(n, states)``: the head's other rows are not computed."""
        part = self.vocabulary.part(column)
        hidden = self._hidden(codes, masked, x, known)
        return nn.functional.linear(hidden, self.head.weight[part], self.head.bias[part])

    def _hidden(self, codes: Tensor, masked: Tensor, x: Tensor, known: Tensor) -> Tensor:
        features: Tensor = self.embedding(codes, masked)
        if len(self.places):
            features = features + self.details(x * known, known, known)
        hidden: Tensor = self.trunk(features)
        return hidden


class DetailNet(TableNet):
    """The raw network of the details' denoiser: given all codes, the noisy details and the known ones."""

    def __init__(self, vocabulary: Vocabulary, places: Sequence[int], net: Net) -> None:
        super().__init__(vocabulary, places, net, len(places))
        self.noise = NoiseEmbedding(net.width)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def given(self, codes: Tensor, clean: Tensor, known: Tensor) -> Network:
        """The bare net, given all codes and the known details, which it sees clean.

        Parameters
        ----------
        codes : Tensor of int64, shape (n, columns)
        clean : Tensor, shape (n, details)
        known : Tensor of bool, shape (n, details)
        """
        present = self.present(codes)

        def net(x: Tensor, level: Tensor) -> Tensor:
            raw: Tensor = self(torch.where(known, clean, x) * present, level, codes, present, known)
            return raw

        return net

    def forward(self, x: Tensor, level: Tensor, codes: Tensor, present: Tensor, known: Tensor) -> Tensor:
        """Predict, shape ``(n, details)``; ``x`` is scaled for the network and ``level`` of shape ``(n,)``."""
        features = self.embedding(codes) + self.details(x, present, known) + self.noise(level)
        predicted: Tensor = self.head(self.trunk(features))
        return predicted


class NoiseEmbedding(nn.Module):
    """Fourier features of the noise level, then a small perceptron."""

    frequencies: Tensor

    def __init__(self, width: int, features: int = 16) -> None:
        super().__init__()
        self.register_buffer("frequencies", 2 ** torch.linspace(-1, 4, features), persistent=False)
        self.inner = nn.Sequential(nn.Linear(2 * features, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, level: Tensor) -> Tensor:
        angle = level[:, None].float() * self.frequencies
        embedded: Tensor = self.inner(torch.cat([angle.sin(), angle.cos()], 1))
        return embedded
