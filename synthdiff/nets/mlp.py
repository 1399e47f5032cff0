"""Residual multilayer perceptron."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from synthdiff.nets.net import Net


class MLP(Net):
    """A residual multilayer perceptron with RMS norm and SiLU."""

    kind: Literal["mlp"] = "mlp"
    width: int = Field(default=128, ge=8, description="features")
    blocks: int = Field(default=3, ge=1, description="residual blocks")
    expansion: int = Field(default=2, ge=1, description="width of a block's hidden layer over the trunk's")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="share of hidden features dropped in training")

    def trunk(self) -> nn.Module:
        layers = [Block(self.width, self.expansion, self.dropout) for _ in range(self.blocks)]
        return nn.Sequential(*layers, nn.RMSNorm(self.width))


class Block(nn.Module):
    """``x + W2 dropout(silu(W1 norm(x)))``; ``W2`` starts at zero, so that a fresh net is the identity."""

    def __init__(self, width: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.RMSNorm(width),
            nn.Linear(width, expansion * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(expansion * width, width),
        )
        last = self.inner[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.inner(x)
        return x + change
