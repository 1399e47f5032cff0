"""The table's denoiser: codes by absorbing diffusion, details by a Gaussian one given the codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synthdiff.diffusion.absorbing import Vocabulary
from synthdiff.nets.net import Net


class CodeEmbedding(nn.Module):
    """The sum over the columns of an embedding of each column's code, or of its being masked."""

    offsets: Tensor

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        super().__init__()
        columns = len(vocabulary.states)
        self.table = nn.Embedding(vocabulary.total + columns, width)
        nn.init.normal_(self.table.weight, std=1 / math.sqrt(columns))
        self.register_buffer("offsets", vocabulary.offsets, persistent=False)
        self.register_buffer("masks", vocabulary.total + torch.arange(columns), persistent=False)

    def forward(self, codes: Tensor, masked: Tensor | None = None) -> Tensor:
        """Embed codes of shape ``(n, columns)``; ``masked`` is bool and broadcasts over rows."""
        index = codes + self.offsets
        if masked is not None:
            index = torch.where(masked, self.masks, index)
        return nn.functional.embedding_bag(index, self.table.weight, mode="sum")


class CodeNet(nn.Module):
    """Probabilities of each masked column's clean code, given the visible ones.

    Parameters
    ----------
    vocabulary : Vocabulary
    net : Net
        The trunk.
    marginals : Tensor of float32, shape (total,)
        Log-probabilities of the codes in the training part: where the output starts.
    """

    def __init__(self, vocabulary: Vocabulary, net: Net, marginals: Tensor) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.embedding = CodeEmbedding(vocabulary, net.width)
        self.trunk = net.trunk()
        self.head = nn.Linear(net.width, vocabulary.total)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.copy_(marginals)

    def forward(self, codes: Tensor, masked: Tensor) -> Tensor:
        """Logits of all columns, shape ``(n, total)``."""
        return self.head(self.trunk(self.embedding(codes, masked)))

    def logits(self, codes: Tensor, masked: Tensor, column: int) -> Tensor:
        """Logits of one column, shape ``(n, states)``: the head's other rows are not computed."""
        part = self.vocabulary.part(column)
        hidden = self.trunk(self.embedding(codes, masked))
        return nn.functional.linear(hidden, self.head.weight[part], self.head.bias[part])


class DetailNet(nn.Module):
    """The raw network of the details' denoiser: given all codes, the noisy details and the known ones.

    Parameters
    ----------
    vocabulary : Vocabulary
    details : int
        How many columns have a detail.
    net : Net
        The trunk.
    """

    def __init__(self, vocabulary: Vocabulary, details: int, net: Net) -> None:
        super().__init__()
        self.embedding = CodeEmbedding(vocabulary, net.width)
        self.inputs = nn.Linear(3 * details, net.width)
        self.noise = NoiseEmbedding(net.width)
        self.trunk = net.trunk()
        self.head = nn.Linear(net.width, details)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor, level: Tensor, codes: Tensor, present: Tensor, known: Tensor) -> Tensor:
        """Predict, shape ``(n, details)``.

        Parameters
        ----------
        x : Tensor, shape (n, details)
            Noisy details scaled for the network, known ones clean, absent ones zero.
        level : Tensor, shape (n,)
            The noise level as the preconditioner states it.
        codes : Tensor of int64, shape (n, columns)
        present, known : Tensor of bool, shape (n, details)
            Which details exist under the codes, and which of them are given.
        """
        features = torch.cat([x, present.to(x.dtype), known.to(x.dtype)], 1)
        return self.head(self.trunk(self.embedding(codes) + self.inputs(features) + self.noise(level)))


class NoiseEmbedding(nn.Module):
    """Fourier features of the noise level, then a small perceptron."""

    frequencies: Tensor

    def __init__(self, width: int, features: int = 16) -> None:
        super().__init__()
        self.register_buffer("frequencies", 2 ** torch.linspace(-1, 4, features), persistent=False)
        self.inner = nn.Sequential(nn.Linear(2 * features, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, level: Tensor) -> Tensor:
        angle = level[:, None].float() * self.frequencies
        return self.inner(torch.cat([angle.sin(), angle.cos()], 1))


def parameters_of(states: Sequence[int], details: int, net: Net) -> int:
    """How many parameters the table's denoiser has, for a cost estimate."""
    vocabulary = Vocabulary(states)
    modules: list[nn.Module] = [CodeNet(vocabulary, net, torch.zeros(vocabulary.total))]
    if details:
        modules.append(DetailNet(vocabulary, details, net))
    return sum(parameter.numel() for module in modules for parameter in module.parameters())
