"""Nets: a part is registered by its import line."""

from synthdiff.nets.mlp import MLP
from synthdiff.nets.net import Net

__all__ = ["MLP", "Net"]
