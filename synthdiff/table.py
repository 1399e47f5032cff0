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

from synthdiff.codec.row import Clamp, RowCodec, Rows
from synthdiff.diffusion.absorbing import Vocabulary, cross_entropy, draw_mask
from synthdiff.diffusion.denoiser import Preconditioner, denoising_loss, precondition
from synthdiff.diffusion.schedule import LogNormal
from synthdiff.diffusion.sde import EDM
from synthdiff.errors import DataError, ModelError
from synthdiff.generator import Effort, Generator, device_of
from synthdiff.nets.mlp import MLP
from synthdiff.nets.net import Net
from synthdiff.nets.table import CodeNet, DetailNet
from synthdiff.progress import SILENT, Progress
from synthdiff.samplers.heun import Heun
from synthdiff.samplers.sampler import Sampler
from synthdiff.samplers.unmask import unmask
from synthdiff.schema import Schema
from synthdiff.seeds import blocks, derive, numpy_generator, torch_generator
from synthdiff.training.loop import Batch, History, Plan, train

BLOCK = 1024
"""Rows that are seeded and computed together when sampling."""

SMALLEST = 50
"""Fewer training rows than this are refused."""

STEPS: Mapping[Effort, tuple[int, int, float]] = {"quick": (300, 1500, 15), "standard": (1000, 6000, 60), "thorough": (3000, 40000, 300)}
"""By effort: the least and most steps, and passes over the data in between."""

SCHEDULE = LogNormal(mean=-1.0, std=1.4)
LEVELS = EDM(sigma_min=0.005, sigma_max=20.0)
UNIT = Preconditioner(1.0)


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
    cells : int
        Cells that a continuous column is cut into, at most.
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
        cells: int = 128,
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
        self.cells = cells
        self.validation = validation
        self.net = net
        self.sampler = sampler
        self.sampling_steps = sampling_steps
        self.device = device
        self.random_state = random_state

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
        if len(X) < SMALLEST:
            raise DataError(f"the table has {len(X)} rows to learn from", mend=f"give at least {SMALLEST}")
        self.schema_ = schema if schema is not None else Schema.infer(X)
        device = device_of(self.device)
        kept, held = self._validation_part(X)
        self.codec_ = RowCodec.fit(X, self.schema_, rare=self.rare, cells=self.cells)
        self._build(self._marginals(X), device)
        generator = numpy_generator(self.random_state, "spread")
        records, validation = (self._tensors(X.iloc[part], generator, device) for part in (kept, held))
        plan = self.plan(len(kept))
        fingerprint = self._fingerprint(records)
        self.history_ = train(
            self.net_, _loss, records, validation, plan,
            seed=derive(self.random_state, "train"), device=device, checkpoint=checkpoint, fingerprint=fingerprint, progress=progress,
        )  # fmt: skip
        return self

    def plan(self, rows: int) -> Plan:
        """How training on so many rows would go."""
        batch = min(512, rows)
        least, most, passes = STEPS[self.effort]
        steps = self.budget_steps or (10**9 if self.budget_seconds else min(max(math.ceil(passes * rows / batch), least), most))
        return Plan(steps=steps, seconds=self.budget_seconds, batch=batch)

    def sample(
        self, n: int, given: Mapping[str, object] | None = None, random_state: int | None = None, *, progress: Progress = SILENT
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
        self, n: int, given: Mapping[str, object] | None = None, random_state: int | None = None, batch_size: int = BLOCK
    ) -> Iterator[pd.DataFrame]:
        """The rows of :meth:`sample` in frames of ``batch_size``, for tables larger than memory."""
        self._check_fitted()
        if n < 1:
            raise ModelError(f"{n} rows were asked for", mend="ask for at least one")
        seed = self.random_state if random_state is None else random_state
        clamps = self.codec_.clamps(given or {})
        waiting: list[pd.DataFrame] = []
        for index, start, stop in blocks(n, BLOCK):
            waiting.append(self._block(index, start, clamps, seed).iloc[: stop - start])
            while sum(map(len, waiting)) >= batch_size or (stop == n and waiting):
                ready = pd.concat(waiting, ignore_index=True)
                yield ready.iloc[:batch_size].reset_index(drop=True)
                waiting = [ready.iloc[batch_size:]] if len(ready) > batch_size else []

    @torch.no_grad()
    def _block(self, index: int, start: int, clamps: Sequence[Clamp], seed: int) -> pd.DataFrame:
        """One block of rows, whatever the number asked for."""
        device = next(self.net_.parameters()).device
        draw = torch_generator(seed, "rows", index)
        codes = self._draw_codes(clamps, draw, device)
        detail = self._draw_detail(codes, clamps, draw)
        rows = Rows(codes.cpu().numpy(), detail.cpu().numpy())
        return self.codec_.decode(rows, start, numpy_generator(seed, "decode", index), clamps)

    def _draw_codes(self, clamps: Sequence[Clamp], draw: torch.Generator, device: torch.device) -> Tensor:
        columns = len(self.codec_.states)
        codes = torch.zeros(BLOCK, columns, dtype=torch.int64, device=device)
        masked = torch.ones(columns, dtype=torch.bool, device=device)
        weights = self._admitted(device)
        restricted = []
        for clamp in clamps:
            weights[clamp.column] = weights[clamp.column] * torch.from_numpy(clamp.weights).to(device)
            if clamp.code is not None:
                codes[:, clamp.column], masked[clamp.column] = clamp.code, False
            else:
                restricted.append(clamp.column)
        # Restricted columns first: what follows is then conditioned on their being inside.
        free = [column for column in torch.randperm(columns, generator=draw).tolist() if masked[column]]
        order = restricted + [column for column in free if column not in restricted]

        def probabilities(codes: Tensor, masked: Tensor, column: int) -> Tensor:
            return self.net_.codes.logits(codes, masked, column).float().softmax(1) * weights[column]

        return unmask(probabilities, codes, masked, order, lambda n: torch.rand(n, generator=draw).to(device))

    def _draw_detail(self, codes: Tensor, clamps: Sequence[Clamp], draw: torch.Generator) -> Tensor:
        places = self.codec_.detailed
        device = codes.device
        x = torch.zeros(BLOCK, len(places), device=device)
        if self.net_.details is None:
            return x
        known = torch.zeros_like(x, dtype=torch.bool)
        for clamp in clamps:
            if clamp.exact is not None and clamp.column in places:
                x[:, places.index(clamp.column)] = clamp.detail
                known[:, places.index(clamp.column)] = True
        present = self.net_.present(codes)
        sampler = Sampler.build(self.sampler)
        levels = LEVELS.sigmas(self.sampling_steps).to(device)

        def noise(like: Tensor) -> Tensor:
            return torch.randn(like.shape, generator=draw).to(like)

        denoise = precondition(self.net_.detail_denoiser(codes, x, known), UNIT)
        drawn = sampler(denoise, noise(x) * levels[0], levels, noise)
        return torch.where(known, x, drawn) * present

    def _admitted(self, device: torch.device) -> list[Tensor]:
        """Which codes may be emitted at all, by column."""
        admitted = []
        for codec, column in zip(self.codec_.codecs.values(), self.codec_.learnt, strict=True):
            weight = torch.ones(codec.states, device=device)
            weight[[*codec.forbidden, *([] if column.nullable else [0])]] = 0
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
        counts = [np.bincount(rows.codes[:, place], minlength=states) for place, states in enumerate(self.codec_.states)]
        return torch.from_numpy(np.concatenate([np.log((count + 0.5) / (count + 0.5).sum()) for count in counts])).float()

    def _build(self, marginals: Tensor, device: torch.device) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.random_state, "weights"))
            self.net_ = TableDenoiser(self.codec_.states, self.codec_.detailed, self.codec_.first_cells, Net.build(self.net), marginals)
        self.net_.to(device)

    def _fingerprint(self, records: Batch) -> str:
        digest = hashlib.sha256(json.dumps(self._settings(), sort_keys=True).encode())
        for tensor in records:
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        facts = {"codec": self.codec_.model_dump(mode="json"), "history": asdict(self.history_)}
        return dict(self.net_.state_dict()), facts

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.codec_ = RowCodec.model_validate(facts["codec"])
        self.schema_ = self.codec_.table
        self._build(torch.zeros(sum(self.codec_.states)), device_of(self.device))
        self.net_.load_state_dict(tensors)
        self.net_.eval()
        self.history_ = History(**facts["history"])


class TableDenoiser(nn.Module):
    """Both halves: the net over codes and, where columns have details, the net over those."""

    places: Tensor
    first_cells: Tensor
    membership: Tensor

    def __init__(self, states: Sequence[int], detailed: Sequence[int], first_cells: np.ndarray, net: Net, marginals: Tensor) -> None:
        super().__init__()
        vocabulary = Vocabulary(states)
        self.codes = CodeNet(vocabulary, net, marginals)
        self.details = DetailNet(vocabulary, len(detailed), net) if detailed else None
        self.register_buffer("membership", vocabulary.membership(), persistent=False)
        self.register_buffer("places", torch.tensor(detailed, dtype=torch.int64), persistent=False)
        self.register_buffer("first_cells", torch.from_numpy(first_cells), persistent=False)

    def present(self, codes: Tensor) -> Tensor:
        """Which details exist under the codes: bool of shape ``(n, details)``."""
        return codes[:, self.places] >= self.first_cells

    def detail_denoiser(self, codes: Tensor, clean: Tensor, known: Tensor) -> Any:
        """The bare net over details given all codes and the known details."""
        present = self.present(codes)

        def net(x: Tensor, level: Tensor) -> Tensor:
            assert self.details is not None
            shown = torch.where(known, clean, x) * present
            return self.details(shown, level, codes, present, known)

        return net


def _loss(net: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    """Cross entropy of the masked codes, in nats a column, plus the weighted denoising error of the details."""
    denoiser = getattr(net, "module", net)
    assert isinstance(denoiser, TableDenoiser)
    codes, detail = batch
    n, columns = codes.shape
    masked = draw_mask(n, columns, generator).to(codes.device)
    entropy = cross_entropy(denoiser.codes(codes, masked), codes, denoiser.membership, denoiser.codes.embedding.offsets)
    loss = (entropy * masked).sum(1) / masked.sum(1)
    if denoiser.details is None:
        return loss
    present = denoiser.present(codes)
    # Half of the rows see a random part of their details clean, which is what conditions on numbers need.
    chance = torch.rand(n, 1, generator=generator) * (torch.rand(n, 1, generator=generator) < 0.5)
    known = (torch.rand(detail.shape, generator=generator) < chance).to(codes.device) & present
    sigma = SCHEDULE.draw(n, generator).to(codes.device)
    noise = torch.randn(detail.shape, generator=generator).to(codes.device)
    error = denoising_loss(denoiser.detail_denoiser(codes, detail, known), UNIT, detail, sigma, noise)
    wanted = present & ~known
    return loss + (error * wanted).sum(1) / detail.shape[1]
