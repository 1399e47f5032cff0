"""TableDiffusion: score-based diffusion for mixed tables.

A row is coded as one code a column and, for continuous columns, a detail (:mod:`synthdiff.codec`). One net learns both
from rows of which some columns are hidden: the codes by absorbing diffusion, the details by a Gaussian one whose
denoiser is that of a mixture. Sampling reveals one column after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthdiff.codec.clamp import Clamp
from synthdiff.codec.row import RowCodec, Rows
from synthdiff.effort import Effort, members_of, table_plan
from synthdiff.errors import DataError, ModelError
from synthdiff.generator import Generator, device_of, load, one_thread
from synthdiff.nets.loss import row_loss
from synthdiff.nets.mlp import MLP
from synthdiff.nets.net import Net
from synthdiff.nets.table import RowNet
from synthdiff.progress import SILENT, Progress
from synthdiff.rowlearning import nets_of, tensors_of, validation_part
from synthdiff.rowmodel import RowModel, Tally
from synthdiff.schema import Schema
from synthdiff.seeds import blocks, derive, numpy_generator, torch_generator
from synthdiff.training.loop import STOPPED, History, train

__all__ = ["TableDiffusion", "load"]

BLOCK = 256
"""Rows that are seeded and computed together when sampling; all have their columns revealed in the same order."""

BATCH = 65_536
"""Rows that are given back together when sampling."""

Cells = dict[str, np.ndarray]
"""Coordinates by column, and cells of columns that are not learnt."""

SMALLEST = 50
"""Fewer training rows than this are refused."""


class TableDiffusion(Generator):
    """Learns a mixed table and samples from it.

    Parameters
    ----------
    effort : {"quick", "standard", "thorough"}
        How long to train, in passes over the data; training also stops when the validation loss stops falling.
    budget_seconds : float, optional
        Train for at most this long instead (wall clock). The result then depends on the machine's speed.
    budget_steps : int, optional
        Train for at most this many steps instead.
    rare : int
        Levels and numbers that fewer records share are not released as such.
    validation : float
        Share of the rows kept apart to decide when to stop.
    net : Net
        The trunk of the denoiser.
    members : int, optional
        Nets whose predictions are averaged; by default five below 500 rows, else one.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...
    random_state : int
        Seed of everything; the same seed gives the same model and the same rows.

    Attributes
    ----------
    schema_ : Schema
    codec_ : RowCodec
    histories_ : tuple of History
        By net: losses, the step that was kept, and why training ended.
    """

    kind: ClassVar[str] = "table"

    def __init__(
        self,
        effort: Effort = "standard",
        budget_seconds: float | None = None,
        budget_steps: int | None = None,
        rare: int = 5,
        validation: float = 0.1,
        net: Net | str | dict[str, Any] = MLP(),  # noqa: B008 - frozen
        members: int | None = None,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.effort = effort
        self.budget_seconds = budget_seconds
        self.budget_steps = budget_steps
        self.rare = rare
        self.validation = validation
        self.net = net
        self.members = members
        self.device = device
        self.random_state = random_state

    @one_thread()
    def fit(
        self,
        X: pd.DataFrame,
        y: object = None,
        *,
        schema: Schema | None = None,
        checkpoint: Path | None = None,
        progress: Progress = SILENT,
    ) -> Self:
        """Learn a table.

        Parameters
        ----------
        X : DataFrame of shape (n, columns)
            Missing cells are learnt as such.
        y : ignored
            For scikit-learn's sake.
        schema : Schema, optional
            What the columns are; inferred by default.
        checkpoint : Path, optional
            Where to keep the state of training; an existing one is taken up.

        Raises
        ------
        DataError
            When there are too few rows, or a column has nothing that may be released.
        """
        self.schema_ = schema if schema is not None else Schema.infer(X)
        self.codec_ = self._codec(X, self.schema_)
        rows = self.codec_.encode(X, numpy_generator(self.random_state, "spread"))
        members = self.members or members_of(len(X))
        marginals = torch.from_numpy(self.codec_.log_shares(rows.codes))
        self.nets_ = self._nets(marginals, members)
        return self._learn(X, rows, checkpoint, progress)

    @one_thread()
    def partial_fit(self, X: pd.DataFrame, y: object = None, *, progress: Progress = SILENT) -> Self:
        """Go on learning from other rows of the same table.

        What a column is and how it is coded stay as they were: a level that was rare or unknown then stays so. Rows
        that are not given again are forgotten by and by; give old and new ones together where both matter.

        Raises
        ------
        DataError
            When a column that the model has learnt is not there, or there are too few rows.
        """
        if not hasattr(self, "histories_"):
            return self.fit(X, progress=progress)
        self._check_rows(X)
        rows = self.codec_.encode(self.codec_.check(X), numpy_generator(self.random_state, "spread"))
        return self._learn(X, rows, None, progress)

    def _learn(self, X: pd.DataFrame, rows: Rows, checkpoint: Path | None, progress: Progress) -> Self:
        device, members, histories = device_of(self.device), len(self.nets_), []
        share = self.budget_seconds / members if self.budget_seconds else None
        for member, net in enumerate(self.nets_):
            parts = validation_part(X, self.schema_, self.validation, member, self.random_state)
            kept, held = (tensors_of(self.codec_, rows.take(part), device) for part in parts)
            history = train(
                net,
                row_loss,
                kept,
                held,
                table_plan(len(kept[0]), len(self.codec_.states), self.effort, self.budget_steps, share),
                name="the table" if members == 1 else f"the table, net {member + 1} of {members}",
                seed=derive(self.random_state, "train", member),
                device=device,
                checkpoint=checkpoint / f"table-{member}.safetensors" if checkpoint else None,
                fingerprint=self._fingerprint(kept),
                progress=progress,
            )
            histories.append(history)
            if history.ended == STOPPED:
                progress.note(
                    f"validation ended training at step {history.steps[-1]:,}; step {history.best_step:,} is kept"
                )
        self.histories_ = tuple(histories)
        return self

    def rehearse(self, X: pd.DataFrame, schema: Schema, given: Mapping[str, object] | None = None) -> None:
        """Raise at once what :meth:`fit` and :meth:`sample` would refuse in a table and in conditions on it."""
        self._codec(X, schema).clamps(given or {})

    def _codec(self, X: pd.DataFrame, schema: Schema) -> RowCodec:
        self._check_rows(X)
        return RowCodec.fit(X, schema, rare=self.rare)

    @staticmethod
    def _check_rows(X: pd.DataFrame) -> None:
        if len(X) < SMALLEST:
            raise DataError(f"the table has {len(X)} rows to learn from", mend=f"give at least {SMALLEST}")

    def sample(
        self,
        n: int,
        given: Mapping[str, object] | None = None,
        random_state: int | None = None,
        *,
        progress: Progress = SILENT,
    ) -> pd.DataFrame:
        """Draw synthetic rows.

        Parameters
        ----------
        n : int
        given : mapping of str to object, optional
            Conditions by column: a value, a pair ``(low, high)``, a list of levels, ``None`` for missing, or how often
            each of some levels is to occur, such as ``{"yes": 0.5, "no": 0.5}``, which rebalances the table.
        random_state : int, optional
            Seed of the draw; the model's own by default.

        Returns
        -------
        DataFrame of shape (n, columns)
            With the dtypes of the frame that was fitted. The first rows of a longer draw are those of a shorter one.

        Raises
        ------
        ModelError
            When the model is not fitted, ``n`` is not positive or a condition cannot be met.
        """
        return next(self.sample_batches(n, given, random_state, max(n, 1), progress=progress))

    def sample_batches(
        self,
        n: int,
        given: Mapping[str, object] | None = None,
        random_state: int | None = None,
        batch_size: int = BATCH,
        *,
        tally: Tally | None = None,
        progress: Progress = SILENT,
    ) -> Iterator[pd.DataFrame]:
        """The rows of :meth:`sample` in frames of ``batch_size``, for tables larger than memory.

        ``tally`` counts the rows that constraints made it repair or draw again; ``progress`` is told at the end.
        """
        self._check_fitted()
        if n < 1:
            raise ModelError(f"{n} rows were asked for", mend="ask for at least one")
        seed = self.random_state if random_state is None else random_state
        clamps = self.codec_.clamps(given or {})
        model, tally = self._model(), tally or Tally()
        waiting: list[Cells] = []
        held = 0
        with progress.phase("sampling", n) as phase:
            for index, start, stop in blocks(n, BLOCK):
                waiting.append(self._block(model, index, range(start, stop), clamps, seed, tally))
                held += stop - start
                phase.advance(stop - start)
                while held >= batch_size or (stop == n and held):
                    cells = {name: np.concatenate([block[name] for block in waiting]) for name in waiting[0]}
                    yield self.codec_.restore({name: part[:batch_size] for name, part in cells.items()})
                    waiting = [{name: part[batch_size:] for name, part in cells.items()}]
                    held = max(held - batch_size, 0)
        if self.codec_.rules:
            progress.note(
                f"to obey the constraints {tally.repaired:,} rows were repaired, {tally.redrawn:,} drawn again"
            )

    @one_thread()
    def impute(self, X: pd.DataFrame, draws: int = 1, random_state: int | None = None) -> list[pd.DataFrame]:
        """Fill in the missing cells of a table, given the other cells of their rows.

        Parameters
        ----------
        X : DataFrame of shape (n, columns)
        draws : int
            How many times: the draws differ as much as the rows leave open (multiple imputation).
        random_state : int, optional
            Seed of the draws; the model's own by default.

        Returns
        -------
        list of DataFrame
            Cells that were there are as they were. What is filled in obeys the declared constraints as far as they
            let it. A column in which the model never saw a value stays empty.

        Raises
        ------
        ModelError
            When the model is not fitted.
        DataError
            When a column that the model has learnt is not there.
        """
        self._check_fitted()
        self.codec_.check(X)
        seed = self.random_state if random_state is None else random_state
        model = self._model()
        parts = [(index, X.iloc[start:stop]) for index, start, stop in blocks(len(X), BLOCK)]
        coded = [self.codec_.encode(part, numpy_generator(seed, "spread", index)) for index, part in parts]
        return [
            pd.concat(
                [
                    model.fill_cells(part, known, partial(torch_generator, seed, "impute", draw, index))
                    for (index, part), known in zip(parts, coded, strict=True)
                ]
            )
            for draw in range(draws)
        ]

    @one_thread()
    def log_likelihood(self, X: pd.DataFrame, orders: int = 4) -> np.ndarray:
        """The log-likelihood of records under the model.

        Parameters
        ----------
        X : DataFrame of shape (n, columns)
        orders : int
            Over how many random orders of the columns the likelihood is averaged.

        Returns
        -------
        ndarray of float64, shape (n,)
            In nats: log-probabilities of states, and log-densities of continuous values as normal scores of their
            columns. Compares records under one model, not models with one another.

        Raises
        ------
        ModelError
            When the model is not fitted.
        DataError
            When a column that the model has learnt is not there.
        """
        self._check_fitted()
        rows = self.codec_.encode(self.codec_.check(X), numpy_generator(self.random_state, "spread"))
        model, columns = self._model(), len(self.codec_.states)
        found = []
        for draw in range(orders):
            order = torch.randperm(columns, generator=torch_generator(self.random_state, "order", draw)).tolist()
            parts = [np.arange(start, stop) for _, start, stop in blocks(len(X), BLOCK)]
            found.append(np.concatenate([model.log_prob(rows.take(part), order) for part in parts]))
        averaged: np.ndarray = np.logaddexp.reduce(found) - np.log(orders)
        return averaged

    def losses(self, X: pd.DataFrame, random_state: int = 0) -> np.ndarray:
        """The negative :meth:`log_likelihood` of records."""
        return -self.log_likelihood(X)

    @one_thread()
    def _block(
        self, model: RowModel, index: int, numbers: range, clamps: Sequence[Clamp], seed: int, tally: Tally
    ) -> Cells:
        """The columns of one block of rows, of which all are computed and the first are kept."""

        def draws(attempt: int) -> torch.Generator:
            return torch_generator(seed, "rows", index, attempt)

        everyone = range(index * BLOCK, (index + 1) * BLOCK)
        first = self.codec_.lay(BLOCK, numpy_generator(seed, "persons", index))
        cells = model.draw_cells(everyone, first, len(numbers), draws, clamps, tally)
        ids = self.codec_.unlearnt(numbers, first[: len(numbers)], numpy_generator(seed, "decode", index))
        return cells | ids

    def _nets(self, marginals: Tensor, members: int) -> torch.nn.ModuleList:
        return nets_of(self.codec_, Net.build(self.net), marginals, members, self.random_state).to(
            device_of(self.device)
        )

    def _model(self) -> RowModel:
        self._check_fitted()
        return RowModel(self.codec_, tuple(net for net in self.nets_ if isinstance(net, RowNet)))

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return dict(self.nets_.state_dict()), {
            "codec": self.codec_.model_dump(mode="json"),
            "histories": [asdict(history) for history in self.histories_],
        }

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.codec_ = RowCodec.model_validate(facts["codec"])
        self.schema_ = self.codec_.table
        self.histories_ = tuple(History(**history) for history in facts["histories"])
        self.nets_ = self._nets(torch.zeros(sum(self.codec_.states)), len(self.histories_))
        self.nets_.load_state_dict(tensors)
        self.nets_.eval()
