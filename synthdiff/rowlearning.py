"""Row learning: a coded table as the training loop takes it, and the nets that learn it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthdiff.codec.row import SAME, RowCodec, Rows
from synthdiff.diffusion.absorbing import Vocabulary
from synthdiff.nets.net import Net
from synthdiff.nets.table import RowNet
from synthdiff.nets.ties import Link
from synthdiff.schema import Schema
from synthdiff.seeds import derive, numpy_generator
from synthdiff.training.loop import Batch


def validation_part(
    frame: pd.DataFrame, schema: Schema, share: float, member: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows that a net learns from, and of the share of them that it validates on.

    Rows of one person stay together. Every net validates on other rows, until all have been used.
    """
    group = schema.group
    keys = pd.factorize(frame[group.name], use_na_sentinel=False)[0] if group else np.arange(len(frame))
    order = numpy_generator(seed, "validation").permutation(int(keys.max()) + 1)
    counts = np.bincount(keys)[order]
    position = np.empty(len(order))
    position[order] = (np.cumsum(counts) - counts) / len(keys)
    held = ((position - member * share) % 1.0 < share)[keys]
    return np.flatnonzero(~held), np.flatnonzero(held)


def tensors_of(codec: RowCodec, rows: Rows, device: torch.device) -> Batch:
    """Rows as :func:`synthdiff.nets.loss.row_loss` takes them."""
    # A table's codes fit into 32 bits, and are the most of what is held while learning.
    tensors = [rows.codes.astype(np.int32), rows.detail]
    if codec.ties:
        tensors += [codec.agreement(rows.exact, len(rows.codes)) == SAME, codec.anchors(rows.exact)]
    return tuple(torch.from_numpy(tensor).to(device) for tensor in tensors)


def nets_of(codec: RowCodec, net: Net, marginals: Tensor, members: int, seed: int) -> torch.nn.ModuleList:
    """So many nets, freshly initialised.

    Parameters
    ----------
    codec : RowCodec
    net : Net
        Their trunk.
    marginals : Tensor of float32, shape (total,)
        Log-probabilities of the codes in the training part.
    members, seed : int
    """
    positions, detailed = torch.from_numpy(codec.positions), codec.detailed
    links = [Link(tie.source, tie.target, detailed.index(tie.target), tie.gap) for tie in codec.ties]
    nets = torch.nn.ModuleList()
    for member in range(members):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "weights", member))
            nets.append(RowNet(Vocabulary(codec.states), detailed, positions, marginals, net, links, codec.target))
    return nets
