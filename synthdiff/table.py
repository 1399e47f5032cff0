"""TableDiffusion: score-based diffusion for mixed tables.

A row is coded as one code a column and, for continuous columns, a detail (:mod:`synthdiff.codec`). Codes are learnt by
absorbing diffusion, details by a Gaussian one given the codes; sampling reveals the codes one column at a time, then
denoises the details.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from synthdiff.codec.codec import MISSING
from synthdiff.codec.row import Clamp, RowCodec, Rows
from synthdiff.diffusion.absorbing import Vocabulary
from synthdiff.diffusion.denoiser import precondition
from synthdiff.diffusion.sde import EDM
from synthdiff.errors import DataError, ModelError
from synthdiff.generator import Effort, Generator, device_of, load, one_thread
from synthdiff.nets.loss import UNIT, code_loss, detail_loss
from synthdiff.nets.mlp import MLP
from synthdiff.nets.net import Net
from synthdiff.nets.table import CodeNet, DetailNet
from synthdiff.progress import SILENT, Progress
from synthdiff.samplers.heun import Heun
from synthdiff.samplers.sampler import Sampler
from synthdiff.samplers.unmask import unmask
from synthdiff.schema import Schema
from synthdiff.seeds import blocks, derive, numpy_generator, torch_generator
from synthdiff.training.checkpoint import under
from synthdiff.training.loop import Batch, History, Loss, Plan, train

__all__ = ["TableDiffusion", "load"]

BLOCK = 1024
"""Rows that are seeded and computed together when sampling."""

ATTEMPTS = 64
"""Blocks of candidates that are drawn for one block of rows in ranges before giving up."""

SMALLEST = 50
"""Fewer training rows than this are refused."""

STEPS: Mapping[Effort, tuple[int, int, float]] = {
    "quick": (300, 1500, 15),
    "standard": (2000, 6000, 60),
    "thorough": (3000, 40000, 300),
}
"""By effort: the least and most steps, and passes over the data in between."""

LEVELS = EDM(sigma_min=0.005, sigma_max=20.0)


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
        The trunk of the denoisers.
    sampler : Sampler
        For the details.
    sampling_steps : int
        Steps of that sampler.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...
    random_state : int
        Seed of everything; the same seed gives the same model and the same rows.

    Attributes
    ----------
    schema_ : Schema
    codec_ : RowCodec
    history_ : History
        Losses, the step that was kept, and why training ended.
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
        sampler: Sampler | str | dict[str, Any] = Heun(),  # noqa: B008 - frozen
        sampling_steps: int = 18,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.effort = effort
        self.budget_seconds = budget_seconds
        self.budget_steps = budget_steps
        self.rare = rare
        self.validation = validation
        self.net = net
        self.sampler = sampler
        self.sampling_steps = sampling_steps
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
        device = device_of(self.device)
        kept, held = self._validation_part(X)
        self._build(self._marginals(X), device)
        generator = numpy_generator(self.random_state, "spread")
        records, validation = (self._tensors(X.iloc[part], generator, device) for part in (kept, held))
        plan = self.plan(len(kept))
        fingerprint = self._fingerprint(records)
        self.history_ = {}
        # Each half stops by its own validation loss: codes overfit long before details do.
        for name, net, loss in self._halves():
            self.history_[name] = train(
                net,
                loss,
                records,
                validation,
                plan,
                name=name,
                seed=derive(self.random_state, name),
                device=device,
                checkpoint=checkpoint / f"{name}.safetensors" if checkpoint else None,
                fingerprint=fingerprint,
                progress=progress,
            )
        return self

    def rehearse(self, X: pd.DataFrame, schema: Schema, given: Mapping[str, object] | None = None) -> None:
        """Raise at once what :meth:`fit` and :meth:`sample` would refuse in a table and in conditions on it."""
        self._codec(X, schema).clamps(given or {})

    def _codec(self, X: pd.DataFrame, schema: Schema) -> RowCodec:
        if len(X) < SMALLEST:
            raise DataError(f"the table has {len(X)} rows to learn from", mend=f"give at least {SMALLEST}")
        return RowCodec.fit(X, schema, rare=self.rare)

    def _halves(self) -> list[tuple[str, nn.Module, Loss]]:
        halves: list[tuple[str, nn.Module, Loss]] = [("codes", self.code_net_, code_loss)]
        if self.detail_net_ is not None:
            halves.append(("details", self.detail_net_, detail_loss))
        return halves

    @property
    def parameters(self) -> int:
        """How many numbers the fitted nets have."""
        self._check_fitted()
        return sum(parameter.numel() for _, net, _ in self._halves() for parameter in net.parameters())

    def plan(self, rows: int) -> Plan:
        """How training on so many rows would go."""
        batch = min(512, rows)
        least, most, passes = STEPS[self.effort]
        steps = self.budget_steps or (
            10**9 if self.budget_seconds else min(max(math.ceil(passes * rows / batch), least), most)
        )
        # Small tables are learnt within few passes and then by heart: go slowly and look often.
        rate = 2e-3 * min(1.0, math.sqrt(rows / 20_000))
        look = 20 if rows < 5_000 else 100
        return Plan(steps=steps, seconds=self.budget_seconds, batch=batch, rate=rate, evaluate_every=look)

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
            Conditions by column: a value, a pair ``(low, high)``, a list of levels, or ``None`` for missing.
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
        frames = []
        with progress.phase("sampling", n) as phase:
            for frame in self.sample_batches(n, given, random_state):
                frames.append(frame)
                phase.advance(len(frame))
        return pd.concat(frames, ignore_index=True)

    def sample_batches(
        self,
        n: int,
        given: Mapping[str, object] | None = None,
        random_state: int | None = None,
        batch_size: int = BLOCK,
    ) -> Iterator[pd.DataFrame]:
        """The rows of :meth:`sample` in frames of ``batch_size``, for tables larger than memory."""
        self._check_fitted()
        if n < 1:
            raise ModelError(f"{n} rows were asked for", mend="ask for at least one")
        seed = self.random_state if random_state is None else random_state
        clamps = self.codec_.clamps(given or {})
        waiting: list[pd.DataFrame] = []
        for index, start, stop in blocks(n, BLOCK):
            waiting.append(self._block(index, range(start, stop), clamps, seed))
            while sum(map(len, waiting)) >= batch_size or (stop == n and waiting):
                ready = pd.concat(waiting, ignore_index=True)
                yield ready.iloc[:batch_size].reset_index(drop=True)
                waiting = [ready.iloc[batch_size:]] if len(ready) > batch_size else []

    def _block(self, index: int, numbers: range, clamps: Sequence[Clamp], seed: int) -> pd.DataFrame:
        """One block of rows; candidates that miss a range are drawn again."""
        wanted = len(numbers)
        met: list[Rows] = []
        for attempt in range(ATTEMPTS):
            rows = self._candidates(clamps, torch_generator(seed, "rows", index, attempt))
            met.append(rows.take(np.flatnonzero(self.codec_.meets(rows, clamps))))
            if sum(len(rows.codes) for rows in met) >= wanted:
                break
        else:
            found = sum(len(rows.codes) for rows in met)
            raise ModelError(
                f"only {found} of {ATTEMPTS * BLOCK:,} rows drawn lay in the ranges asked for",
                where="given",
                mend="widen the ranges, or draw without them",
            )
        rows = Rows(
            *(np.concatenate(parts)[:wanted] for parts in zip(*((r.codes, r.detail) for r in met), strict=True))
        )
        return self.codec_.decode(rows, numbers, numpy_generator(seed, "decode", index), clamps)

    @one_thread()
    @torch.no_grad()
    def _candidates(self, clamps: Sequence[Clamp], draw: torch.Generator) -> Rows:
        device = next(self.code_net_.parameters()).device
        places = self.codec_.detailed
        x = torch.zeros(BLOCK, len(places), device=device)
        known = torch.zeros_like(x, dtype=torch.bool)
        for clamp in clamps:
            if (
                clamp.exact is not None
                and clamp.column in places
                and clamp.code == self.codec_.states[clamp.column] - 1
            ):
                x[:, places.index(clamp.column)] = clamp.detail
                known[:, places.index(clamp.column)] = True
        codes = self._draw_codes(clamps, x, known, draw)
        detail = self._draw_detail(codes, x, known, draw) if self.detail_net_ is not None else x
        return Rows(codes.cpu().numpy(), detail.cpu().numpy())

    def _draw_codes(self, clamps: Sequence[Clamp], x: Tensor, known: Tensor, draw: torch.Generator) -> Tensor:
        columns = len(self.codec_.states)
        codes = torch.zeros(BLOCK, columns, dtype=torch.int64, device=x.device)
        masked = torch.ones(columns, dtype=torch.bool, device=x.device)
        admitted = self._admitted(x.device)
        restricted = []
        for clamp in clamps:
            if clamp.code is not None and not clamp.ranged:
                codes[:, clamp.column], masked[clamp.column] = clamp.code, False
            else:
                admitted[clamp.column] *= torch.from_numpy(clamp.admitted).to(x.device)
                restricted.append(clamp.column)
        # Restricted columns first: what follows is then conditioned on their being inside.
        free = [column for column in torch.randperm(columns, generator=draw).tolist() if masked[column]]
        order = restricted + [column for column in free if column not in restricted]

        def probabilities(codes: Tensor, masked: Tensor, column: int) -> Tensor:
            return self.code_net_.logits(codes, masked, x, known, column).softmax(1) * admitted[column]

        return unmask(probabilities, codes, masked, order, lambda n: torch.rand(n, generator=draw).to(x.device))

    def _draw_detail(self, codes: Tensor, x: Tensor, known: Tensor, draw: torch.Generator) -> Tensor:
        assert self.detail_net_ is not None

        def noise(like: Tensor) -> Tensor:
            return torch.randn(like.shape, generator=draw).to(like)

        levels = LEVELS.sigmas(self.sampling_steps).to(x)
        denoise = precondition(self.detail_net_.given(codes, x, known), UNIT)
        drawn = Sampler.build(self.sampler)(denoise, noise(x) * levels[0], levels, noise)
        return torch.where(known, x, drawn) * self.detail_net_.present(codes)

    def _admitted(self, device: torch.device) -> list[Tensor]:
        """Which codes may be emitted at all, by column."""
        admitted = []
        for codec, column in zip(self.codec_.codecs.values(), self.codec_.learnt, strict=True):
            weight = torch.ones(codec.states, device=device)
            weight[[*codec.forbidden, *([] if column.nullable else [MISSING])]] = 0
            admitted.append(weight)
        return admitted

    def _validation_part(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Positions of rows to learn from and to validate on; rows of one person stay together."""
        group = self.schema_.group
        keys = pd.factorize(X[group.name], use_na_sentinel=False)[0] if group else np.arange(len(X))
        chance = numpy_generator(self.random_state, "validation").random(int(keys.max()) + 1)
        held = chance[keys] <= np.quantile(chance[keys], self.validation)
        return np.flatnonzero(~held), np.flatnonzero(held)

    def _tensors(self, frame: pd.DataFrame, generator: np.random.Generator, device: torch.device) -> Batch:
        rows = self.codec_.encode(frame, generator)
        return torch.from_numpy(rows.codes).to(device), torch.from_numpy(rows.detail).to(device)

    def _marginals(self, X: pd.DataFrame) -> Tensor:
        rows = self.codec_.encode(X, numpy_generator(self.random_state, "marginals"))
        counts = [
            np.bincount(rows.codes[:, place], minlength=states) for place, states in enumerate(self.codec_.states)
        ]
        return torch.from_numpy(
            np.concatenate([np.log((count + 0.5) / (count + 0.5).sum()) for count in counts])
        ).float()

    def _build(self, marginals: Tensor, device: torch.device) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.random_state, "weights"))
            trunk, vocabulary = Net.build(self.net), Vocabulary(self.codec_.states)
            places = self.codec_.detailed
            self.code_net_ = CodeNet(vocabulary, places, trunk, marginals).to(device)
            self.detail_net_ = DetailNet(vocabulary, places, trunk).to(device) if places else None

    def _fingerprint(self, records: Batch) -> str:
        digest = hashlib.sha256(json.dumps(self._settings(), sort_keys=True).encode())
        for tensor in records:
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        history = {name: asdict(history) for name, history in self.history_.items()}
        tensors = {
            f"{name}/{key}": tensor for name, net, _ in self._halves() for key, tensor in net.state_dict().items()
        }
        return tensors, {"codec": self.codec_.model_dump(mode="json"), "history": history}

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.codec_ = RowCodec.model_validate(facts["codec"])
        self.schema_ = self.codec_.table
        self._build(torch.zeros(sum(self.codec_.states)), device_of(self.device))
        for name, net, _ in self._halves():
            net.load_state_dict(under(name, tensors))
            net.eval()
        self.history_ = {name: History(**history) for name, history in facts["history"].items()}
