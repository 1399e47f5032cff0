"""Identifiers: never learnt, regenerated in the same form and disjoint from the real ones by construction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

DIGITS = re.compile(r"\d+")
UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"


class IdentifierForm(BaseModel):
    """What identifiers of a column look like.

    New ones count upwards in their longest run of digits, which has one digit more than any real identifier's: none of
    them can equal a real one, and no real one needs to be remembered to make sure.

    Attributes
    ----------
    shape : str
        The most common form: ``9`` for the counted run of digits, ``0`` for another digit, ``A`` and ``a`` for
        letters that vary, and behind a backslash what all identifiers share and what is neither.
    digits : int
        Digits of the counted run.
    whole : bool
        Whether the identifiers are numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: str
    digits: int
    whole: bool

    @classmethod
    def fit(cls, values: pd.Series) -> Self:
        """Fit to the identifiers of the training part."""
        present = values.dropna()
        whole = pd.api.types.is_numeric_dtype(present.dtype)
        texts = [str(int(value)) for value in present] if whole else [str(value) for value in present]
        longest = max((len(run) for text in texts for run in DIGITS.findall(text)), default=0)
        if whole or not texts:
            return cls(shape="9", digits=longest + 1, whole=whole)
        shapes = Counter(re.sub(r"9+", "9", _shape(text)) for text in texts)
        common = [text for text in texts if re.sub(r"9+", "9", _shape(text)) == shapes.most_common(1)[0][0]]
        return cls(shape=_template(common), digits=longest + 1, whole=False)

    def make(self, numbers: Sequence[int], generator: np.random.Generator) -> list[str] | list[int]:
        """The identifiers that have these numbers; unique as the numbers are."""
        counted = [10 ** (self.digits - 1) + number for number in numbers]
        if self.whole:
            return counted
        made = []
        for number in counted:
            characters = iter(generator.integers(0, 260, len(self.shape)).tolist())
            text, keep = [], False
            for character in self.shape:
                drawn = next(characters)
                if keep:
                    text.append(character)
                    keep = False
                elif character == "\\":
                    keep = True
                else:
                    text.append(_draw(character, drawn, number))
            made.append("".join(text))
        return made


def _draw(character: str, drawn: int, number: int) -> str:
    match character:
        case "9":
            return str(number)
        case "0":
            return str(drawn % 10)
        case "A":
            return UPPER[drawn % 26]
        case "a":
            return LOWER[drawn % 26]
    return character


def _shape(text: str) -> str:
    classes = []
    for character in text:
        if character.isdigit():
            classes.append("9")
        elif character.isalpha():
            classes.append("A" if character.isupper() else "a")
        else:
            classes.append(character)
    return "".join(classes)


def _template(texts: list[str]) -> str:
    """The shape of texts of one form, with the letters that all of them share kept, and one run of digits counted."""
    runs = [DIGITS.split(text) for text in texts]
    widths = [
        max(len(text) for text in column) for column in zip(*[DIGITS.findall(text) for text in texts], strict=True)
    ]
    counted = max(range(len(widths)), key=widths.__getitem__) if widths else -1
    pieces = []
    for place, literals in enumerate(zip(*runs, strict=True)):
        for letters in zip(*literals, strict=True):
            shared = len(set(letters)) == 1 and len(texts) > 1
            pieces.append(f"\\{letters[0]}" if shared or not letters[0].isalpha() else _shape(letters[0]))
        if place < len(widths):
            pieces.append("9" if place == counted else "0" * widths[place])
    return "".join(pieces) if widths else "".join([*pieces, "\\-", "9"])
