"""The one training loop: tables and volumes, by steps or by time, resumable to the bit.

Every step draws from a generator derived from the seed and the step's number, so a run that was killed and resumed
takes the same steps as one that was not. Weights are averaged with a power-function profile (Karras et al. 2024,
"Analyzing and improving the training dynamics of diffusion models", eq. 1-2). Of the averaged weights the latest win
whose validation loss is within one standard error of the lowest (Breiman et al. 1984, "Classification and regression
trees", section 3.4.3): with few validation records the lowest is often so by chance, and early.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from synthdiff.errors import ModelError
from synthdiff.progress import SILENT, Progress
from synthdiff.seeds import derive, torch_generator
from synthdiff.training.checkpoint import named, read_tensors, under, write_tensors

Batch = tuple[Tensor, ...]
Loss = Callable[[nn.Module, Batch, torch.Generator], Tensor]
"""``(net, batch, generator) -> (n,)``: the loss of each record."""

CHECKPOINT_SECONDS = 5.0

MOST_VALIDATED = 8192
"""Records on which the validation loss is computed; of more, so many are drawn."""

PLATEAU = 3
"""So many times the patience may pass without a lower validation loss."""

STOPPED = "the validation loss stopped falling"
"""Why training ended early."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes
    ----------
    steps : int
        The number of steps; with ``seconds``, an upper bound.
    seconds : float or None
        Time budget (wall clock) including validation; survives a restart.
    batch : int
        Records a step.
    rate : float
        Peak learning rate; warmed up over ``warmup`` steps, then decayed linearly to zero at the end of the budget.
    average : float
        Exponent of the power-function average of the weights; 6.94 averages over about the last tenth of training.
    evaluate_every : int
        Steps between two looks at the validation part.
    patience : int
        Looks at worse losses after which training stops; it also stops after :data:`PLATEAU` times as many without a
        lower one.
    validated : int
        Draws of noise on which the validation loss is computed: fewer records are taken several times.
    chunk : int
        Records that are looked at together.
    """

    steps: int
    seconds: float | None = None
    batch: int = 512
    rate: float = 2e-3
    warmup: int = 50
    weight_decay: float = 0.01
    average: float = 6.94
    evaluate_every: int = 100
    patience: int = 10
    validated: int = 2048
    chunk: int = 2048


@dataclass
class History:
    """What happened: losses by step, the lowest on validation, the step whose weights were kept, why training ended."""

    steps: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_step: int = 0
    best: float = float("inf")
    ended: str = ""
    seconds: float = 0.0


def bfloat16_pays(device: torch.device) -> bool:
    """Whether the device computes bfloat16 natively."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def autocast(device: torch.device) -> torch.autocast | nullcontext[None]:
    """Mixed precision where it pays."""
    return torch.autocast(device.type, torch.bfloat16) if bfloat16_pays(device) else nullcontext()


def train(
    net: nn.Module,
    loss: Loss,
    records: Batch,
    validation: Batch | None,
    plan: Plan,
    *,
    name: str,
    seed: int,
    device: torch.device,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    progress: Progress = SILENT,
) -> History:
    """Train ``net`` in place; it ends with the averaged weights that validation chose.

    Parameters
    ----------
    net : Module
        On ``device``.
    loss : callable
        The loss of each record of a batch.
    records, validation : tuple of Tensor
        Tensors whose first axis is the record, on ``device``.
    name : str
        What is learnt, for the progress.
    seed : int
        Of the order of records, the noise and dropout.
    checkpoint : Path, optional
        Where to keep the state; an existing one is taken up.
    fingerprint : str
        Identifies data and configuration; a checkpoint of another one is refused.

    Raises
    ------
    ModelError
        When the checkpoint belongs to other work, or the loss stops being finite.
    """
    state = _State(net, plan)
    if checkpoint is not None and checkpoint.exists():
        state.load(checkpoint, fingerprint)
        progress.note(f"learning {name} resumes at step {state.step:,}")
    began = saved = time.monotonic()
    spent = state.history.seconds
    history = state.history
    bank = _bank(validation, plan.validated, seed) if validation is not None else None
    distinct = min(len(validation[0]), MOST_VALIDATED) if validation is not None else 0
    order = _Order(len(records[0]), plan.batch, seed, device)
    with _own_randomness(device), progress.phase(f"learning {name}", 1.0) as phase:
        phase.advance(state.share(spent))
        while not history.ended:
            share = state.share(spent + time.monotonic() - began)
            if share >= 1:
                history.ended = "the budget was used"
                break
            torch.manual_seed(derive(seed, "dropout", state.step))
            chosen = order(state.step)
            batch = tuple(tensor[chosen] for tensor in records)
            with autocast(device):
                value = loss(net, batch, torch_generator(seed, "noise", state.step)).mean()
            state.update(value, share)
            if state.step % plan.evaluate_every == 0:
                history.steps.append(state.step)
                history.train.append(value.item())
                if not torch.isfinite(value):
                    raise ModelError(
                        "the training loss is no longer a number", mend="lower the learning rate or report the data"
                    )
                if bank is not None:
                    losses = _evaluate(state.averaged.module, loss, bank, plan.chunk, seed, device)
                    state.judge(losses.view(-1, distinct).mean(0))
            after = state.share(spent + time.monotonic() - began)
            phase.advance(after - share, **_shown(history))
            if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                history.seconds = spent + time.monotonic() - began
                state.save(checkpoint, fingerprint)
                saved = time.monotonic()
    history.seconds = spent + time.monotonic() - began
    if checkpoint is not None:
        state.save(checkpoint, fingerprint)
    if bank is None or not history.validation:
        history.best_step = state.step
        net.load_state_dict(state.averaged.module.state_dict())
    else:
        net.load_state_dict(state.best)
    net.eval()
    return history


class _State:
    """Everything that changes while training."""

    def __init__(self, net: nn.Module, plan: Plan) -> None:
        self.net = net.train()
        self.plan = plan
        self.step = 0
        self.history = History()
        fused = all(parameter.is_floating_point() for parameter in net.parameters())
        self.optimizer = torch.optim.AdamW(
            net.parameters(), lr=plan.rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay, fused=fused
        )
        self.averaged = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=_power_average(plan.average))
        self.averaged.eval()
        self.best = copy.deepcopy(net.state_dict())
        self.lowest = torch.zeros(0)

    def share(self, seconds: float) -> float:
        """How much of the budget is used: the larger of the shares of steps and of time."""
        by_time = seconds / self.plan.seconds if self.plan.seconds else 0.0
        return max(self.step / self.plan.steps, by_time)

    def update(self, loss: Tensor, share: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * min(1.0, (self.step + 1) / self.plan.warmup) * (1 - share)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.net)
        self.step += 1

    def judge(self, losses: Tensor) -> None:
        """Keep the averaged weights unless they are worse than the best by a standard error; end when patience is over.

        ``losses`` are those of the validation records, shape ``(records,)``.
        """
        history = self.history
        history.validation.append(losses.mean().item())
        if history.validation[-1] < history.best:
            history.best, self.lowest = history.validation[-1], losses
        worse = losses - self.lowest
        if worse.mean() <= worse.std(correction=0) / len(worse) ** 0.5:
            history.best_step = self.step
            self.best = copy.deepcopy(self.averaged.module.state_dict())
        lowest_step = history.steps[history.validation.index(history.best)]
        patience = self.plan.patience * self.plan.evaluate_every
        if self.step - history.best_step >= patience or self.step - lowest_step >= PLATEAU * patience:
            history.ended = STOPPED

    def save(self, path: Path, fingerprint: str) -> None:
        tensors = {
            **named("net", self.net.state_dict()),
            **named("averaged", self.averaged.state_dict()),
            **named("best", self.best),
            "lowest": self.lowest,
        }
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= named(f"optimizer.{index}", moments)
        facts = {"step": self.step, "history": asdict(self.history), "fingerprint": fingerprint}
        write_tensors(path, tensors, facts)

    def load(self, path: Path, fingerprint: str) -> None:
        tensors, facts = read_tensors(path)
        if facts["fingerprint"] != fingerprint:
            raise ModelError(
                "this checkpoint belongs to other data or other settings",
                where=path.name,
                mend="run without --resume to start afresh, or restore the recipe and the data it was started with",
            )
        self.net.load_state_dict(under("net", tensors))
        self.averaged.load_state_dict(under("averaged", tensors))
        self.best = under("best", tensors)
        self.lowest = tensors["lowest"]
        state = self.optimizer.state_dict()
        state["state"] = {
            index: under(f"optimizer.{index}", tensors) for index in range(len(state["param_groups"][0]["params"]))
        }
        self.optimizer.load_state_dict(state)
        self.step = facts["step"]
        self.history = History(**facts["history"])


def _power_average(exponent: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    def average(averaged: Sequence[Tensor], current: Sequence[Tensor], updates: Tensor | int) -> None:
        weight = 1 - (1 - 1 / (int(updates) + 1)) ** (exponent + 1)
        torch._foreach_lerp_(list(averaged), list(current), weight)

    return average


class _Order:
    """Which records a step sees: consecutive stretches of a fresh permutation in every epoch."""

    def __init__(self, n: int, batch: int, seed: int, device: torch.device) -> None:
        self._n, self._size, self._seed, self._device = n, min(batch, n), seed, device
        self._epoch = -1

    def __call__(self, step: int) -> Tensor:
        epoch, position = divmod(step, self._n // self._size)
        if epoch != self._epoch:
            generator = torch_generator(self._seed, "epoch", epoch)
            self._epoch, self._permutation = epoch, torch.randperm(self._n, generator=generator).to(self._device)
        return self._permutation[position * self._size : (position + 1) * self._size]


def _bank(validation: Batch, least: int, seed: int) -> Batch:
    """Validation records, repeated when few so that the noise of the noise averages out, cut when many."""
    n = len(validation[0])
    if n > MOST_VALIDATED:
        chosen = torch.randperm(n, generator=torch_generator(seed, "validation"))[:MOST_VALIDATED]
        return tuple(tensor[chosen.to(tensor.device)] for tensor in validation)
    times = max(1, least // n)
    return tuple(tensor.repeat(times, *[1] * (tensor.ndim - 1)) for tensor in validation)


@torch.no_grad()
def _evaluate(net: nn.Module, loss: Loss, bank: Batch, chunk: int, seed: int, device: torch.device) -> Tensor:
    """The loss of each record of the bank, with the same noise every time: float64 of shape ``(n,)``."""
    losses = []
    for start in range(0, len(bank[0]), chunk):
        part = tuple(tensor[start : start + chunk] for tensor in bank)
        with autocast(device):
            losses.append(loss(net, part, torch_generator(seed, "bank", start)).double())
    return torch.cat(losses).cpu()


def _shown(history: History) -> dict[str, float]:
    figures = {"loss": history.train[-1]} if history.train else {}
    return figures | ({"validation": history.validation[-1]} if history.validation else {})


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """Dropout draws from torch's global generator; leave the caller's as it was."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
