"""RowState: rows that are being revealed, column by column.

What may be drawn in a column is what the net says, less what does not go with what is visible: codes that are barred
beside others, values on the wrong side of one that they never pass, and whatever a condition rules out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from synthdiff.codec.codec import MISSING
from synthdiff.codec.number import NumberCodec
from synthdiff.codec.row import AGREEMENTS, DIFFERENT, SAME, RowCodec, Rows
from synthdiff.diffusion.mixture import Mixture
from synthdiff.nets.table import RowNet, Tables
from synthdiff.samplers.unmask import choose
from synthdiff.training.loop import autocast

LEAST = 1e-30
"""The least weight of an admitted code: what is asked for is drawn, however unlikely the model holds it."""

LAST_RESORT = 1e-36
"""The least weight of repeating a tied value that is admitted."""


@dataclass(frozen=True)
class FittedRows:
    """A codec, the nets that have learnt its rows, and what is made of them once for many draws.

    Attributes
    ----------
    codec : RowCodec
    nets : tuple of RowNet
        In evaluation mode; their predictions are averaged.
    """

    codec: RowCodec
    nets: tuple[RowNet, ...]

    @cached_property
    def tables(self) -> tuple[Tables, ...]:
        """The weights of codes, by net."""
        with torch.no_grad():
            return tuple(net.tables() for net in self.nets)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.nets[0].bias.device

    @cached_property
    def barred(self) -> list[list[tuple[int, Tensor]]]:
        """By column, others and which of its codes may stand beside theirs: ``(states of other, states)``.

        After the columns come the ties, whose states are their agreements.
        """
        states = [*self.codec.states, *[AGREEMENTS] * len(self.codec.ties)]
        tables: list[list[tuple[int, Tensor]]] = [[] for _ in states]
        for zeros in self.codec.zeros:
            allowed = torch.from_numpy(zeros.table(states)).to(self.device)
            tables[zeros.second].append((zeros.first, allowed))
            tables[zeros.first].append((zeros.second, allowed.T.contiguous()))
        return tables


class Limit(NamedTuple):
    """What may be emitted in a column: codes, of shape ``(states,)``, details and values between two each."""

    admitted: np.ndarray
    first: float
    last: float
    low: float
    high: float


class Likely(NamedTuple):
    """What the net says of a hidden column of some rows.

    Attributes
    ----------
    codes : Tensor of float32, shape (n, states)
        Probabilities.
    mixture : Mixture or None
        Of its detail.
    ties : tuple of int
        Of which it is the target.
    repeats : tuple of Tensor of float32, shape (n,)
        By tie, the probability that it repeats the source, given that it repeats none before; 0 where that is hidden.
    """

    codes: Tensor
    mixture: Mixture | None
    ties: tuple[int, ...]
    repeats: tuple[Tensor, ...]


def _average(said: list[Likely]) -> Likely:
    """The mean of several predictions: of mixtures, weighted by the probability that there is a detail."""
    codes = torch.stack([likely.codes for likely in said])
    mixture = None
    if said[0].mixture is not None:
        shares = (codes[:, :, -1] / codes[:, :, -1].sum(0)).log()[:, :, None, None]
        parts = [likely.mixture for likely in said if likely.mixture is not None]
        mixture = Mixture(
            torch.cat([part.log_weights + share for part, share in zip(parts, shares, strict=True)], 1),
            torch.cat([part.means for part in parts], 1),
            torch.cat([part.log_scales for part in parts], 1),
        )
    repeats = tuple(torch.stack(chances).mean(0) for chances in zip(*(likely.repeats for likely in said), strict=True))
    return Likely(codes.mean(0), mixture, said[0].ties, repeats)


class RowState:
    """Rows that are being revealed."""

    def __init__(
        self, fitted: FittedRows, known: Rows, visible: np.ndarray, limits: list[Limit], generator: torch.Generator
    ) -> None:
        self._fitted, self._limits, self._generator = fitted, limits, generator
        device = fitted.device
        self.codes = torch.tensor(known.codes, device=device)
        self.detail = torch.tensor(known.detail, device=device)
        self.visible = torch.tensor(visible, device=device)
        self.exact = {place: column.copy() for place, column in known.exact.items()}

    @property
    def rows(self) -> Rows:
        """The rows as they stand."""
        return Rows(self.codes.cpu().numpy(), self.detail.cpu().numpy(), self.exact)

    def repeated(self, times: int) -> RowState:
        """Every row so many times."""
        return self.taken(np.arange(len(self.codes)).repeat(times))

    def taken(self, positions: np.ndarray) -> RowState:
        """Some of the rows."""
        visible = self.visible.cpu().numpy()[positions]
        return RowState(self._fitted, self.rows.take(positions), visible, self._limits, self._generator)

    def likely(self, column: int, rows: slice | np.ndarray) -> Likely:
        """What the nets say, on average, of a column that is hidden in some rows."""
        codec = self._fitted.codec
        values = {place: cells[rows] for place, cells in self.exact.items()}
        codes, visible = self.codes[rows], self.visible[rows]
        same, anchors = [], codes.new_zeros(0)
        if codec.ties:
            same = [torch.from_numpy(codec.agreement(values, len(codes)) == SAME).to(codes.device)]
            anchors = torch.from_numpy(codec.anchors(values)).to(codes.device)
        said = []
        for net, tables in zip(self._fitted.nets, self._fitted.tables, strict=True):
            with autocast(codes.device):
                features = net(tables, codes, self.detail[rows], visible, *same)
                said.append(self._said(column, net, tables, features, net.shown(codes, visible), anchors))
        return said[0] if len(said) == 1 else _average(said)

    def _said(
        self, column: int, net: RowNet, tables: Tables, features: Tensor, shown: Tensor | None, anchors: Tensor
    ) -> Likely:
        """What one net says of a column."""
        codec = self._fitted.codec
        place = codec.detailed.index(column) if column in codec.detailed else None
        ties = tuple(index for index, tie in enumerate(codec.ties) if tie.target == column)
        chances = net.logits(tables, features, column).float().softmax(1)
        if net.ties is None or shown is None or not ties:
            return Likely(chances, net.mixture(features, place) if place is not None else None, (), ())
        repeats = (net.ties.repeats(features).float().sigmoid() * shown)[:, list(ties)]
        beside = net.ties.beside(net.mixture(features), features, anchors, shown)
        return Likely(chances, beside.only(net.ties.tied.tolist().index(place)), ties, tuple(repeats.unbind(1)))

    def reveal(self, column: int, records: Tensor) -> Tensor:
        """Draw a column of some records; see :func:`unmask`."""
        codec, limit, device = self._fitted.codec, self._limits[column], self.codes.device
        # A row's numbers are drawn whether or not it needs them, so that no row depends on another's gaps.
        uniform = torch.rand(len(self.codes), 3, generator=self._generator).to(device)[records]
        everything = len(records) == len(self.codes)
        rows = slice(None) if everything else records.cpu().numpy()
        likely = self.likely(column, rows)
        admitted, first, last, low, high = self._admitted(column, rows, limit)
        weights = likely.codes
        if likely.mixture is not None and (torch.isfinite(first).any() or torch.isfinite(last).any()):
            weights = torch.cat([weights[:, :-1], weights[:, -1:] * likely.mixture.mass(first, last).float()], 1)
        weights = self._allowed(weights.clamp_min(LEAST) * admitted, column, rows)
        repeats, rest = [], torch.ones(len(weights), device=device)
        for tie, chance in zip(likely.ties, likely.repeats, strict=True):
            value = self.exact[codec.ties[tie].source][rows]
            fits = torch.from_numpy((value >= low) & (value <= high)).to(device) & (chance > 0)
            may = self._allowed(weights.new_ones(len(weights), AGREEMENTS), len(codec.states) + tie, rows)
            # Where the codes leave nothing, as beyond the greatest value of what must not be lower, it repeats.
            repeats.append((chance * rest).clamp_min(LAST_RESORT) * fits * may[:, SAME])
            rest = rest * (1 - chance).clamp_min(1e-6)
            tried = torch.where((chance > 0)[:, None], may, 1.0)
            weights = weights * torch.cat([tried[:, :1], tried[:, [DIFFERENT]].expand(-1, weights.shape[1] - 1)], 1)
        weights = torch.cat([*(repeat[:, None] for repeat in repeats), weights * rest[:, None]], 1)
        stuck = weights.sum(1) == 0
        if stuck.any():
            # What was asked for contradicts an order that the data always keep: what was asked for is drawn.
            weights[stuck, len(repeats) :] = likely.codes[stuck].clamp_min(LEAST) * torch.from_numpy(limit.admitted).to(
                device
            )
            first = torch.where(stuck[:, None], limit.first, first)
            last = torch.where(stuck[:, None], limit.last, last)
        drawn = choose(weights, uniform[:, 0]) - len(repeats)
        self.codes[rows, column] = drawn.clamp_min(0)
        if likely.mixture is not None:
            place = codec.detailed.index(column)
            details = likely.mixture.draw(uniform[:, 1:2], uniform[:, 2:3], first, last)[:, 0]
            self.detail[rows, place] = torch.where(drawn == codec.states[column] - 1, details, 0.0)
        if column in self.exact:
            self._settle(column, rows, [*likely.ties], drawn.cpu().numpy() + len(repeats))
        return weights.sum(1).log()

    def _admitted(
        self, column: int, rows: slice | np.ndarray, limit: Limit
    ) -> tuple[Tensor, Tensor, Tensor, np.ndarray, np.ndarray]:
        """What may be drawn beside what is visible.

        Returns
        -------
        codes : Tensor of float32, shape (n or 1, states)
        first, last : Tensor of float32, shape (n or 1, 1)
            The details.
        low, high : ndarray of float64, shape (n,)
            The values.
        """
        codec, device = self._fitted.codec, self.codes.device
        admitted, first, last = limit.admitted[None], np.array([limit.first]), np.array([limit.last])
        low, high = (np.full(len(self.codes), edge)[rows] for edge in (limit.low, limit.high))
        bounds = [tie for tie in codec.ties if tie.target == column and tie.order]
        if bounds:
            for tie in bounds:
                source = self.exact[tie.source][rows]
                seen = self.visible[rows, tie.source].cpu().numpy() & ~np.isnan(source)
                low = np.where(seen & (tie.order > 0), np.maximum(low, source), low)
                high = np.where(seen & (tie.order < 0), np.minimum(high, source), high)
            part = codec.parts[column]
            assert isinstance(part, NumberCodec)
            codes, start, end = part.admitted(low, high)
            # A missing value is neither above nor below.
            codes[:, MISSING] = 1
            admitted, first, last = admitted * codes, np.maximum(first, start), np.minimum(last, end)
        on_device = [torch.from_numpy(np.asarray(edge, np.float32)).to(device) for edge in (admitted, first, last)]
        return on_device[0], on_device[1][:, None], on_device[2][:, None], low, high

    def _settle(self, column: int, rows: slice | np.ndarray, ties: list[int], drawn: np.ndarray) -> None:
        """Note what a tied column says in rows where it was drawn; ``drawn`` counts its ties and then its codes."""
        codec = self._fitted.codec
        part = codec.parts[column]
        values = codec.decoded(self.rows, column)[rows]
        for place, tie in enumerate(ties):
            values = np.where(drawn == place, self.exact[codec.ties[tie].source][rows], values)
        self.exact[column][rows] = values
        seed = int(torch.randint(2**31, (), generator=self._generator))
        again = drawn < len(ties)
        if again.any():
            codes, detail = part.encode(values, np.random.default_rng(seed))
            device = self.codes.device
            taken = torch.from_numpy(again).to(device)
            self.codes[rows, column] = torch.where(taken, torch.from_numpy(codes).to(device), self.codes[rows, column])
            place = codec.detailed.index(column)
            self.detail[rows, place] = torch.where(taken, torch.from_numpy(detail).to(device), self.detail[rows, place])

    def _allowed(self, weights: Tensor, column: int, rows: slice | np.ndarray) -> Tensor:
        """The weights of a column's codes without those that are barred beside what is visible, where any is left."""
        left = weights
        for other, table in self._fitted.barred[column]:
            seen, codes = self._stands(other, rows)
            left = torch.where(seen[:, None], left * table[codes], left)
        return torch.where(left.sum(1, keepdim=True) > 0, left, weights)

    def _stands(self, column: int, rows: slice | np.ndarray) -> tuple[Tensor, Tensor]:
        """In which rows a column, or a tie after the columns, is visible, and the codes that stand there."""
        codec = self._fitted.codec
        if column < len(codec.states):
            return self.visible[rows, column], self.codes[rows, column]
        index = column - len(codec.states)
        tie = codec.ties[index]
        values = {place: cells[rows] for place, cells in self.exact.items()}
        agreement = codec.agreement(values, len(self.visible[rows]))[:, index]
        seen = self.visible[rows, tie.source] & self.visible[rows, tie.target]
        return seen, torch.from_numpy(agreement).to(seen.device)
