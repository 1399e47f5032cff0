"""Randomness: every stream is derived from one seed and a path of names, never from global state.

A stream is named (``"rows"``, block 3) instead of being drawn from a shared generator, so that the order in which work
is done, its batch size and a restart in the middle cannot change what is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch


def derive(seed: int, *path: str | int) -> int:
    """Derive the seed of a named stream.

    Parameters
    ----------
    seed : int
        The seed that the user gave.
    *path : str or int
        The stream's name, for example ``("train", "step", 17)``.

    Returns
    -------
    int
        In ``[0, 2**63)``; independent of platform and process.
    """
    text = "/".join([str(int(seed)), *(f"{type(step).__name__}:{step}" for step in path)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def torch_generator(seed: int, *path: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator for a named stream."""
    return torch.Generator(device=device).manual_seed(derive(seed, *path))


def numpy_generator(seed: int, *path: str | int) -> np.random.Generator:
    """A NumPy generator for a named stream."""
    return np.random.default_rng(derive(seed, *path))


def blocks(n: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Cut ``range(n)`` into fixed blocks; yields ``(index, start, stop)``.

    Sampling seeds and computes each block as a whole (the last one too, of which only the first rows are kept), so a
    row depends on the seed and its position alone.
    """
    for index, start in enumerate(range(0, n, size)):
        yield index, start, min(start + size, n)
