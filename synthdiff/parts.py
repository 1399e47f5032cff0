"""Parts: the swappable pieces of synthdiff, each a frozen pydantic model whose fields are its whole configuration.

A family is a base class (``Sampler``, ``Net``, ``Check`` ...); a member is a subclass with a literal ``kind``.
Importing the module of a member registers it, so a newcomer's part appears in recipes, in the JSON schema, in
``synthdiff list`` and in the family's contract test by one import line.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator

from synthdiff.errors import RecipeError


class Part(BaseModel):
    """Base of every family; a subclass without a literal ``kind`` is a family, one with it is a member."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    members: ClassVar[dict[str, type[Self]]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        field = cls.model_fields.get("kind")
        if field is None or get_origin(field.annotation) is not Literal:
            cls.members = {}
            return
        (kind,) = get_args(field.annotation)
        known: type[Part] = cls.members.setdefault(kind, cls)  # type: ignore[arg-type]
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"two parts call themselves {kind!r}: {known.__qualname__} and {cls.__qualname__}")

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def build(cls, spec: str | dict[str, Any] | Self) -> Self:
        """Make a member of this family from its name, from a mapping with ``kind``, or from itself."""
        if isinstance(spec, cls):
            return spec
        settings: dict[str, Any] = {"kind": spec} if isinstance(spec, str) else dict(spec)
        member = cls.members.get(str(settings.get("kind")))
        if member is None:
            raise RecipeError(
                f"no {cls.__name__.lower()} is called {settings.get('kind')!r}",
                mend=f"known: {', '.join(sorted(cls.members))}",
            )
        return member(**settings)


def one_of(family: type[Part]) -> Any:
    """The type of a field that holds any member of a family, given by name or by mapping with ``kind``."""
    members = reduce(or_, family.members.values())
    choice = members if len(family.members) == 1 else Annotated[members, Discriminator("kind")]
    return Annotated[choice, BeforeValidator(lambda spec: {"kind": spec} if isinstance(spec, str) else spec)]
