"""The training loop: it learns, it stops, and an interruption changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from synthdiff.errors import ModelError
from synthdiff.seeds import torch_generator
from synthdiff.training import loop
from synthdiff.training.loop import Batch, History, Plan, _State, train

CPU = torch.device("cpu")
PLAN = Plan(steps=60, batch=32, rate=1e-2, evaluate_every=10, patience=100)


def net() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 16), nn.SiLU(), nn.Dropout(0.2), nn.Linear(16, 1))


def data(n: int, stream: str) -> Batch:
    x = torch.randn(n, 3, generator=torch_generator(0, stream))
    return x, x.sum(1, keepdim=True).sin()


def squared(model: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
    x, y = batch
    noise = 0.1 * torch.randn(x.shape, generator=generator)
    error: Tensor = (model(x + noise) - y).square()[:, 0]
    return error


class KilledError(Exception):
    """In the place of a kill."""


def run(model: nn.Module, plan: Plan = PLAN, kill_at: int | None = None, **options: object) -> History:
    steps = 0

    def counted(model: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            raise KilledError
        return squared(model, batch, generator)

    settings = {"name": "test", "seed": 3, "device": CPU} | options
    return train(model, counted, data(200, "train"), data(50, "valid"), plan, **settings)  # type: ignore[arg-type]


def test_it_learns_and_keeps_the_best() -> None:
    model = net()
    history = run(model, replace(PLAN, steps=400))
    assert history.validation[-1] < 0.6 * history.validation[0]
    assert history.best == min(history.validation)
    assert history.best_step >= history.steps[history.validation.index(history.best)]
    assert not model.training


def test_the_latest_weights_within_a_standard_error_of_the_best_are_kept() -> None:
    state = _State(net(), replace(PLAN, evaluate_every=1, patience=2))
    kept = []
    for step, losses in enumerate(
        ([5.0, 5.0], [1.0, 3.0], [1.5, 2.9], [2.0, 4.0], [1.1, 2.9], [3.0, 5.0], [3.0, 5.0]), 1
    ):
        state.step = step
        state.history.steps.append(step)
        state.judge(torch.tensor(losses))
        kept.append(state.history.best_step)
    # One record worse and the other as before is chance; both worse by as much is not.
    assert kept == [1, 2, 3, 3, 5, 5, 5] and state.history.best == 2.0 and state.history.ended


@pytest.mark.parametrize("kill_at", [3, 27, 61])
def test_a_resumed_run_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = net()
    expected = run(whole)
    checkpoint = tmp_path / "a new folder" / "state.safetensors"
    with pytest.raises(KilledError):
        run(net(), kill_at=kill_at, checkpoint=checkpoint, fingerprint="a")
    resumed = net()
    history = run(resumed, checkpoint=checkpoint, fingerprint="a")
    assert history.validation == expected.validation and history.best_step == expected.best_step
    for ours, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_finished_run_is_taken_up_as_finished(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state.safetensors"
    first, again = net(), net()
    expected = run(first, checkpoint=checkpoint, fingerprint="a")
    history = run(again, kill_at=1, checkpoint=checkpoint, fingerprint="a")
    assert replace(history, seconds=0) == replace(expected, seconds=0)
    for ours, theirs in zip(again.parameters(), first.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_checkpoint_of_other_work_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state.safetensors"
    run(net(), checkpoint=checkpoint, fingerprint="a")
    with pytest.raises(ModelError, match=r"(?s)other data or other settings.*--resume"):
        run(net(), checkpoint=checkpoint, fingerprint="b")


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state.safetensors"
    checkpoint.write_bytes(b"\x80\x04not a checkpoint")
    with pytest.raises(ModelError, match=r"state\.safetensors"):
        run(net(), checkpoint=checkpoint, fingerprint="a")


def test_patience_ends_training() -> None:
    history = run(net(), replace(PLAN, steps=100_000, rate=0.0, patience=3))
    assert history.ended == "the validation loss stopped falling"
    assert history.steps[-1] <= 100


def test_a_time_budget_is_kept() -> None:
    history = run(net(), replace(PLAN, steps=10**9, seconds=0.5))
    assert history.ended == "the budget was used" and 0.4 < history.seconds < 5


def test_a_loss_that_is_no_number_is_told() -> None:
    def broken(model: nn.Module, batch: Batch, generator: torch.Generator) -> Tensor:
        return squared(model, batch, generator) / 0

    with pytest.raises(ModelError, match="no longer a number"):
        train(net(), broken, data(50, "a"), None, PLAN, name="test", seed=0, device=CPU)


def test_the_callers_randomness_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(net())
    assert torch.equal(torch.rand(3), expected)
