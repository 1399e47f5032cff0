"""RowModel: coded rows drawn from the fitted net, free or under conditions, and their likelihood.

Columns are revealed in a random order, each from its distribution given those that are visible. What is known
beforehand is visible from the start. A column that is restricted to a range or a set is drawn early, from its
distribution cut to what is admitted, so that no row is drawn in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from synthdiff.codec.codec import MISSING
from synthdiff.codec.row import Clamp, RowCodec, Rows
from synthdiff.errors import ModelError
from synthdiff.nets.table import RowNet, Tables
from synthdiff.samplers.unmask import choose, unmask
from synthdiff.training.loop import autocast

LEAST = 1e-30
"""The least weight of an admitted code: what is asked for is drawn, however unlikely the model holds it."""

ATTEMPTS = 100
"""Times that a block is drawn for rows that break a constraint before giving up."""

OVERDRAW = 16
"""Candidates a row among which conditions on several columns choose."""


@dataclass
class Tally:
    """How many rows constraints made a sample repair, and how often one was drawn again."""

    repaired: int = 0
    redrawn: int = 0


@dataclass(frozen=True)
class RowModel:
    """A codec and the net that has learnt its rows.

    Attributes
    ----------
    codec : RowCodec
    net : RowNet
        In evaluation mode.
    """

    codec: RowCodec
    net: RowNet

    @cached_property
    def tables(self) -> Tables:
        """The weights of codes."""
        with torch.no_grad():
            return self.net.tables()

    @cached_property
    def barred(self) -> list[list[tuple[int, Tensor]]]:
        """By column, other columns and which of its codes may stand beside theirs: ``(states of other, states)``."""
        tables: list[list[tuple[int, Tensor]]] = [[] for _ in self.codec.states]
        for zeros in self.codec.zeros:
            allowed = torch.from_numpy(zeros.table(self.codec.states)).to(self.net.bias.device)
            tables[zeros.second].append((zeros.first, allowed))
            tables[zeros.first].append((zeros.second, allowed.T.contiguous()))
        return tables

    def draw_cells(
        self, n: int, kept: int, draws: Callable[[int], torch.Generator], clamps: Sequence[Clamp], tally: Tally
    ) -> dict[str, np.ndarray]:
        """Draw ``n`` rows that obey the declared constraints, of which the first ``kept`` are given back.

        Parameters
        ----------
        n, kept : int
        draws : callable
            ``attempt -> generator``. A row that breaks a constraint, after repair, is taken from the next attempt.
        clamps : sequence of Clamp
        tally : Tally
            Counts on.

        Returns
        -------
        dict of str to ndarray, shape (kept,)
            Coordinates by column.

        Raises
        ------
        ModelError
            When some rows break a constraint in every attempt.
        """
        known = self.codec.blank(n)
        visible = np.zeros(known.codes.shape, dtype=bool)
        for clamp in clamps:
            if clamp.known:
                visible[:, clamp.column] = True
                known.codes[:, clamp.column] = int(clamp.admitted.argmax())
                if clamp.column in self.codec.detailed and np.isfinite(clamp.first):
                    known.detail[:, self.codec.detailed.index(clamp.column)] = clamp.first
        cells: dict[str, np.ndarray] = {}
        waiting = np.ones(n, dtype=bool)
        for attempt in range(ATTEMPTS):
            mended = self.codec.decode(self.draw(known, visible, draws(attempt), clamps), clamps)
            taken = waiting & mended.holds
            cells = {name: np.where(taken, new, cells.get(name, new)) for name, new in mended.cells.items()}
            tally.repaired += int((taken & mended.changed)[:kept].sum())
            waiting &= ~mended.holds
            if not waiting.any():
                return {name: values[:kept] for name, values in cells.items()}
            tally.redrawn += int(waiting[:kept].sum())
        raise ModelError(
            f"{int(waiting.sum())} of {n:,} rows break a constraint of the schema after {ATTEMPTS} draws",
            where="constraints" + (" and given" if clamps else ""),
            mend="check that the conditions do not contradict the constraints, or train longer",
        )

    @torch.no_grad()
    def draw(
        self,
        known: Rows,
        visible: np.ndarray,
        generator: torch.Generator,
        clamps: Sequence[Clamp] = (),
        missing: bool = True,
    ) -> Rows:
        """Draw what is hidden.

        Parameters
        ----------
        known : Rows
            What stands in hidden places does not matter.
        visible : ndarray of bool, shape (n, columns)
        generator : torch.Generator
        clamps : sequence of Clamp
            Conditions on columns, as far as they are hidden.
        missing : bool
            Whether a hidden cell may turn out to be missing.

        Notes
        -----
        Under conditions on several columns, :data:`OVERDRAW` candidates for them are drawn one column after the other
        and one is chosen with the probability that its conditions had: without that, the first column would be drawn
        as if the others were free (importance resampling; exact as the number of candidates grows).
        """
        limits = self._limits(clamps, missing)
        restricted = [clamp.column for clamp in clamps if not clamp.known]
        columns = len(self.codec.states)
        order = [column for column in torch.randperm(columns, generator=generator).tolist() if column not in restricted]
        state = _State(self, known, visible, limits, generator)
        if len(restricted) > 1:
            many = state.repeated(OVERDRAW)
            weight = unmask(many.reveal, many.visible, restricted)
            uniform = torch.rand(len(visible), generator=generator).to(weight.device)
            chosen = choose(weight.view(-1, OVERDRAW).softmax(1), uniform)
            state = many.taken(torch.arange(len(chosen), device=chosen.device) * OVERDRAW + chosen)
            restricted = []
        unmask(state.reveal, state.visible, [*restricted, *order])
        return Rows(state.codes.cpu().numpy(), state.detail.cpu().numpy())

    @torch.no_grad()
    def log_prob(self, rows: Rows, order: Sequence[int]) -> np.ndarray:
        """The log-likelihood of rows when their columns are revealed in some order.

        Returns
        -------
        ndarray of float64, shape (n,)
            The log-probability of the codes plus the log-density of the details, in nats.
        """
        device = self.net.bias.device
        codes, detail = torch.from_numpy(rows.codes).to(device), torch.from_numpy(rows.detail).to(device)
        visible = torch.zeros_like(codes, dtype=torch.bool)
        total = torch.zeros(len(codes), dtype=torch.float64, device=device)
        for column in order:
            features = self.net(self.tables, codes, detail, visible)
            logits = self.net.logits(self.tables, features, column).double().log_softmax(1)
            total += logits.gather(1, codes[:, column : column + 1])[:, 0]
            if column in self.codec.detailed:
                place = self.codec.detailed.index(column)
                there = codes[:, column] == self.codec.states[column] - 1
                density = self.net.mixture(features, place).log_prob(detail[:, place : place + 1])[:, 0]
                total += density.double() * there
            visible[:, column] = True
        return total.cpu().numpy()

    def _limits(self, clamps: Sequence[Clamp], missing: bool) -> list[tuple[Tensor, float, float]]:
        """By column: which codes may be emitted, and between which details."""
        limits = []
        clamped = {clamp.column: clamp for clamp in clamps}
        for place, (codec, column) in enumerate(zip(self.codec.codecs.values(), self.codec.learnt, strict=True)):
            admitted = np.ones(codec.states, dtype=np.float32)
            admitted[list(codec.forbidden)] = 0
            if not (column.nullable and (missing or codec.states == 1)):
                admitted[MISSING] = 0
            clamp = clamped.get(place)
            first, last = -np.inf, np.inf
            if clamp is not None:
                admitted *= clamp.admitted
                first, last = clamp.first, clamp.last
            limits.append((torch.from_numpy(admitted).to(self.net.bias.device), first, last))
        return limits


class _State:
    """Rows that are being revealed."""

    def __init__(
        self,
        model: RowModel,
        known: Rows,
        visible: np.ndarray,
        limits: list[tuple[Tensor, float, float]],
        generator: torch.Generator,
    ) -> None:
        self._model, self._limits, self._generator = model, limits, generator
        device = model.net.bias.device
        self.codes = torch.tensor(known.codes, device=device)
        self.detail = torch.tensor(known.detail, device=device)
        self.visible = torch.tensor(visible, device=device)

    def repeated(self, times: int) -> _State:
        """Every row so many times."""
        rows = torch.arange(len(self.codes), device=self.codes.device).repeat_interleave(times)
        return self.taken(rows)

    def taken(self, rows: Tensor) -> _State:
        """Some of the rows, by position."""
        known = Rows(self.codes[rows].cpu().numpy(), self.detail[rows].cpu().numpy())
        return _State(self._model, known, self.visible[rows].cpu().numpy(), self._limits, self._generator)

    def reveal(self, column: int, records: Tensor) -> Tensor:
        """Draw a column of some records; see :func:`unmask`."""
        net, codec = self._model.net, self._model.codec
        admitted, first, last = self._limits[column]
        # A row's numbers are drawn whether or not it needs them, so that no row depends on another's gaps.
        uniform = torch.rand(len(self.codes), 3, generator=self._generator).to(self.codes.device)[records]
        everything = len(records) == len(self.codes)
        rows = slice(None) if everything else records
        with autocast(self.codes.device):
            features = net(self._model.tables, self.codes[rows], self.detail[rows], self.visible[rows])
            weights = net.logits(self._model.tables, features, column).float().softmax(1)
            place = codec.detailed.index(column) if column in codec.detailed else None
            mixture = net.mixture(features, place) if place is not None else None
        if mixture is None or place is None:
            weights = self._allowed(weights.clamp_min(LEAST) * admitted, column, rows)
            self.codes[rows, column] = choose(weights, uniform[:, 0])
            return weights.sum(1).log()
        low, high = (uniform.new_full((1, 1), edge) for edge in (first, last))
        if np.isfinite([first, last]).any():
            weights[:, -1] *= mixture.mass(low, high)[:, 0].float()
        weights = self._allowed(weights.clamp_min(LEAST) * admitted, column, rows)
        drawn = choose(weights, uniform[:, 0])
        self.codes[rows, column] = drawn
        details = mixture.draw(uniform[:, 1:2], uniform[:, 2:3], low, high)[:, 0]
        self.detail[rows, place] = torch.where(drawn == codec.states[column] - 1, details, 0.0)
        return weights.sum(1).log()

    def _allowed(self, weights: Tensor, column: int, rows: slice | Tensor) -> Tensor:
        """The weights of a column's codes without those that are barred beside what is visible, where any is left."""
        left = weights
        for other, table in self._model.barred[column]:
            beside = table[self.codes[rows, other]]
            left = torch.where(self.visible[rows, other, None], left * beside, left)
        return torch.where(left.sum(1, keepdim=True) > 0, left, weights)
