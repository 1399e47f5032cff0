"""RowModel: coded rows drawn from the fitted net, free or under conditions, and their likelihood.

Columns are revealed in a random order, each from its distribution given those that are visible. What is known
beforehand is visible from the start. A column that is restricted to a range or a set is drawn early, from its
distribution cut to what is admitted, so that no row is drawn in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from synthdiff.codec.clamp import Clamp
from synthdiff.codec.codec import MISSING
from synthdiff.codec.number import NumberCodec
from synthdiff.codec.row import Held, Rows
from synthdiff.errors import ModelError
from synthdiff.rowstate import FittedRows, Limit, RowState
from synthdiff.samplers.unmask import choose, unmask

ATTEMPTS = 100
"""Times that a block is drawn for rows that break a constraint before giving up."""

FILLS = 10
"""Times that the missing cells of a real row are drawn, which may contradict a constraint by itself."""

OVERDRAW = 16
"""Candidates a row among which conditions on several columns choose."""


@dataclass
class Tally:
    """How many rows constraints made a sample repair, and how often one was drawn again."""

    repaired: int = 0
    redrawn: int = 0


@dataclass(frozen=True)
class RowModel(FittedRows):
    """Draws rows from a codec and the nets that have learnt them."""

    def draw_cells(
        self,
        numbers: range,
        first: np.ndarray,
        kept: int,
        draws: Callable[[int], torch.Generator],
        clamps: Sequence[Clamp],
        tally: Tally,
    ) -> dict[str, np.ndarray]:
        """Draw rows that obey the declared constraints, of which the first ``kept`` are given back.

        Parameters
        ----------
        numbers : range
            The rows' own.
        first : ndarray of int64, shape (n,)
            The position of the first row of each row's person.
        kept : int
        draws : callable
            ``attempt -> generator``. A person of whom a row breaks a constraint, after repair, is taken from the next
            attempt.
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
        known, visible = self.codec.known(numbers, clamps)
        held = self.codec.held_by(clamps, len(numbers))

        def draw(attempt: int) -> Rows:
            generator = draws(attempt)
            rows = self.draw(known, visible, generator, clamps)
            return self._with_others(rows, first, known, visible, generator, clamps)

        cells, broken = self._obeying(draw, ATTEMPTS, held, first, kept, tally)
        if broken:
            raise ModelError(
                f"{broken} of {len(numbers):,} rows break a constraint of the schema after {ATTEMPTS} draws",
                where="constraints" + (" and given" if clamps else ""),
                mend="check that the conditions do not contradict the constraints, or train longer",
            )
        return {name: values[:kept] for name, values in cells.items()}

    def _with_others(
        self,
        rows: Rows,
        first: np.ndarray,
        known: Rows,
        visible: np.ndarray,
        generator: torch.Generator,
        clamps: Sequence[Clamp],
    ) -> Rows:
        """Draw the further rows of each person anew, given what does not change within a person."""
        persons, further = self.codec.persons, first != np.arange(len(first))
        if persons is None or not further.any():
            return rows
        own = rows.take(first)
        shown = np.zeros_like(visible)
        shown[:, list(persons.constant)] = True
        # What is known of a row by its number, as the level that a share gives it, is the row's and not the person's.
        for column in np.flatnonzero(visible.any(0) & ~shown.any(0)).tolist():
            own.codes[:, column] = known.codes[:, column]
            if column in self.codec.detailed:
                place = self.codec.detailed.index(column)
                own.detail[:, place] = known.detail[:, place]
            if column in own.exact:
                own.exact[column] = known.exact[column]
        shown |= visible
        shown[~further] = True
        return self.draw(own, shown, generator, clamps)

    def fill_cells(self, frame: pd.DataFrame, known: Rows, draws: Callable[[int], torch.Generator]) -> pd.DataFrame:
        """Fill in the missing cells of a frame, given the others.

        What is filled in obeys the declared constraints, unless the cells that are there leave no way to.

        Parameters
        ----------
        frame : DataFrame of shape (n, columns)
        known : Rows
            The frame, coded.
        draws : callable
            ``attempt -> generator``.
        """

        def draw(attempt: int) -> Rows:
            return self.draw(known, known.codes != MISSING, draws(attempt), missing=False)

        cells, _ = self._obeying(draw, FILLS, self.codec.held_in(frame), np.arange(len(frame)), len(frame), Tally())
        return self.codec.fill(frame, cells)

    def _obeying(
        self,
        draw: Callable[[int], Rows],
        attempts: int,
        held: Mapping[str, Held],
        first: np.ndarray,
        kept: int,
        tally: Tally,
    ) -> tuple[dict[str, np.ndarray], int]:
        """Cells of rows, each from the first attempt in which it obeys, or else the last; and how many never did."""
        cells: dict[str, np.ndarray] = {}
        waiting = np.zeros(0, dtype=np.bool_)
        for attempt in range(attempts):
            mended = self.codec.decode(draw(attempt), held)
            waiting = waiting if attempt else np.ones(len(mended.holds), dtype=np.bool_)
            holds = ~np.isin(first, first[~mended.holds])
            cells = {name: np.where(waiting, new, cells.get(name, new)) for name, new in mended.cells.items()}
            tally.repaired += int((waiting & holds & mended.changed)[:kept].sum())
            waiting = waiting & ~holds
            if not waiting.any():
                break
            tally.redrawn += int(waiting[:kept].sum())
        return cells, int(waiting.sum())

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
        order = [column for column in self._order(generator) if column not in restricted]
        state = RowState(self, known, visible, limits, generator)
        if len(restricted) > 1:
            many = state.repeated(OVERDRAW)
            weight = unmask(many.reveal, many.visible, restricted)
            uniform = torch.rand(len(visible), generator=generator).to(weight.device)
            chosen = choose(weight.view(-1, OVERDRAW).softmax(1), uniform).cpu().numpy()
            state = many.taken(np.arange(len(chosen)) * OVERDRAW + chosen)
            restricted = []
        unmask(state.reveal, state.visible, [*restricted, *order])
        return state.rows

    @torch.no_grad()
    def log_prob(self, rows: Rows, order: Sequence[int]) -> np.ndarray:
        """The log-likelihood of rows when their columns are revealed in some order.

        Returns
        -------
        ndarray of float64, shape (n,)
            The log-probability of the codes plus the log-density of the details, in nats.
        """
        state = RowState(self, rows, np.zeros(rows.codes.shape, dtype=bool), [], torch.Generator())
        total = torch.zeros(len(state.codes), dtype=torch.float64, device=state.codes.device)
        for column in order:
            likely = state.likely(column, slice(None))
            said = likely.codes.double().log().gather(1, state.codes[:, column : column + 1])[:, 0]
            if likely.mixture is not None:
                place = self.codec.detailed.index(column)
                there = state.codes[:, column] == self.codec.states[column] - 1
                said += likely.mixture.log_prob(state.detail[:, place : place + 1])[:, 0].double() * there
            for tie, chance in zip(reversed(likely.ties), reversed(likely.repeats), strict=True):
                repeated = (rows.exact[self.codec.ties[tie].source] == rows.exact[column]) & (chance > 0).cpu().numpy()
                # A tie is tried where those before it did not repeat.
                repeated = torch.from_numpy(repeated).to(total.device)
                said = torch.where(repeated, chance.double().log(), torch.log1p(-chance.double()) + said)
            total += said
            state.visible[:, column] = True
        return total.cpu().numpy()

    def _order(self, generator: torch.Generator) -> list[int]:
        """An order of all columns that is random but for the target: given all others it is known best."""
        order: list[int] = torch.randperm(len(self.codec.states), generator=generator).tolist()
        return sorted(order, key=lambda column: column == self.codec.target)

    def _limits(self, clamps: Sequence[Clamp], missing: bool) -> list[Limit]:
        """By column, what may be emitted."""
        limits = []
        clamped = {clamp.column: clamp for clamp in clamps}
        for place, (codec, column) in enumerate(zip(self.codec.parts, self.codec.learnt, strict=True)):
            admitted = np.ones(codec.states, dtype=np.float32)
            admitted[list(codec.forbidden)] = 0
            if not (column.nullable and (missing or codec.states == 1)):
                admitted[MISSING] = 0
            clamp = clamped.get(place, Clamp(place, admitted))
            low, high = codec.range if isinstance(codec, NumberCodec) else (-np.inf, np.inf)
            low, high = max(clamp.low, low), min(clamp.high, high)
            limits.append(Limit(admitted * clamp.admitted, clamp.first, clamp.last, low, high))
        return limits
