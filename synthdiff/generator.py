"""Generator: what a user holds. Fit it, sample from it, save it, load it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from synthdiff.errors import ModelError
from synthdiff.training.checkpoint import read_tensors, write_tensors
from synthdiff.training.loop import Batch, History

FORMAT = 1
FACTS, TENSORS = "model.json", "model.safetensors"


class Generator(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Base of all generators: a scikit-learn estimator that is saved as safetensors and JSON.

    A member adds ``fit`` and ``sample`` and says what its fitted state is by ``_state`` and ``_restore``.
    """

    kinds: ClassVar[dict[str, type[Generator]]] = {}
    kind: ClassVar[str]
    nets_: nn.ModuleList
    histories_: tuple[History, ...]

    @property
    def parameters(self) -> int:
        """How many numbers the fitted nets have."""
        self._check_fitted()
        return sum(parameter.numel() for parameter in self.nets_.parameters())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Generator.kinds[cls.kind] = cls

    def _settings(self) -> dict[str, Any]:
        """The constructor's arguments as JSON."""
        return {
            name: value.model_dump() if hasattr(value, "model_dump") else value
            for name, value in self.get_params(deep=False).items()
        }

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The fitted state: tensors and JSON facts."""
        raise NotImplementedError

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take up a fitted state."""
        raise NotImplementedError

    def losses(self, X: Any, random_state: int = 0) -> NDArray[np.float64]:
        """How badly the model knows each of some records: low where it has learnt them by heart.

        Compares records under one model; the scale means nothing beside another model's.

        Returns
        -------
        float64 array of shape (n,)
        """
        raise NotImplementedError

    def save(self, folder: str | Path) -> None:
        """Save the fitted generator as ``model.json`` and ``model.safetensors`` in a folder.

        Raises
        ------
        ModelError
            When it is not fitted.
        """
        self._check_fitted()
        folder = Path(folder)
        tensors, facts = self._state()
        write_tensors(folder / TENSORS, tensors, {"format": FORMAT})
        content = {"format": FORMAT, "kind": self.kind, "settings": self._settings(), **facts}
        temporary = folder / (FACTS + ".tmp")
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(folder / FACTS)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load a generator that :meth:`save` wrote. Nothing in the folder is executed.

        Raises
        ------
        ModelError
            When the folder holds no model, a damaged one or one of another kind.
        """
        generator = load(folder)
        if not isinstance(generator, cls):
            raise ModelError(
                f"this is a {generator.kind} model, not a {cls.__name__}",
                where=str(folder),
                mend="load it with synthdiff.load",
            )
        return generator

    def _fingerprint(self, records: Batch) -> str:
        """The SHA-256 of the settings and of coded records, by which a checkpoint knows that it goes with them."""
        digest = hashlib.sha256(json.dumps(self._settings(), sort_keys=True).encode())
        for tensor in records:
            digest.update(tensor.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def _check_fitted(self) -> None:
        if not hasattr(self, "histories_"):
            raise ModelError(f"this {type(self).__name__} is not fitted", mend="call fit(data) first")


def load(folder: str | Path) -> Generator:
    """Load a generator of any kind from the folder that ``save`` wrote."""
    folder = Path(folder)
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        kind, settings, written = facts.pop("kind"), facts.pop("settings"), facts.pop("format")
    except FileNotFoundError:
        raise ModelError(
            f"there is no {FACTS}", where=str(folder), mend="give the folder that `synthdiff fit` wrote"
        ) from None
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{FACTS} is damaged ({error})", where=str(folder), mend="fit the model again") from None
    if written != FORMAT or kind not in Generator.kinds:
        raise ModelError(
            f"the model is of kind {kind!r}, format {written}",
            where=str(folder),
            mend=f"this version of synthdiff reads format {FORMAT} of {', '.join(Generator.kinds)}",
        )
    tensors, _ = read_tensors(folder / TENSORS)
    try:
        generator: Generator = Generator.kinds[kind](**settings)
        generator._restore(tensors, facts)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the model's parts do not fit together ({type(error).__name__})",
            where=str(folder),
            mend="fit the model again",
        ) from error
    return generator


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread of the processor.

    Nets as small as a table's gain a third from a second one, and beside a busy neighbour, where threads wait for each
    other at every layer, they take twenty times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def device_of(name: str) -> torch.device:
    """The device a name stands for; ``"auto"`` is the first GPU, or else the processor."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
