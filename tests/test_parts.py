"""Parts: built by name, by mapping or from themselves; mistakes are told with what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ValidationError, create_model

from synthdiff.errors import RecipeError
from synthdiff.parts import Part, one_of


class Lamp(Part):
    """A family of lights."""


class Candle(Lamp):
    """A light that burns down.

    It is not for hospitals.
    """

    kind: Literal["candle"] = "candle"
    hours: int = 4


class Torch(Lamp):
    """A light that is carried."""

    kind: Literal["torch"] = "torch"
    lumen: float = 100.0


class Bed(Part):
    """A family beside the first, with one member."""


class Cot(Bed):
    """A small bed."""

    kind: Literal["cot"] = "cot"


Ward = create_model("Ward", lamp=(one_of(Lamp), Torch()), bed=(one_of(Bed), Cot()))


@pytest.fixture
def registry() -> Iterator[None]:
    """Members that a test adds to the lamps are gone when it ends."""
    before = dict(Lamp.members)
    yield
    Lamp.members.clear()
    Lamp.members.update(before)


def test_a_family_knows_its_own_members_alone() -> None:
    lamps: dict[str, type[Part]] = {"candle": Candle, "torch": Torch}
    beds: dict[str, type[Part]] = {"cot": Cot}
    assert (Lamp.members, Bed.members) == (lamps, beds)


def test_a_summary_is_the_first_line_of_the_docstring() -> None:
    assert Candle.summary() == "A light that burns down."


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("candle", Candle()),
        ({"kind": "candle"}, Candle(hours=4)),
        ({"kind": "candle", "hours": 9}, Candle(hours=9)),
        (Torch(lumen=5.0), Torch(lumen=5.0)),
    ],
)
def test_a_part_is_built_from_what_describes_it(spec: Any, part: Lamp) -> None:
    built = Lamp.build(spec)
    assert built == part and type(built) is type(part)
    assert Lamp.build(built) is built
    assert Lamp.build(built.model_dump()) == built


def test_building_leaves_the_description_as_it_was() -> None:
    spec = {"kind": "candle", "hours": 9}
    Lamp.build(spec)
    assert spec == {"kind": "candle", "hours": 9}


@pytest.mark.parametrize(("spec", "told"), [("candel", "'candel'"), ({"kind": "cot"}, "'cot'"), ({}, "None")])
def test_an_unknown_kind_is_told_with_the_known_ones(spec: Any, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Lamp.build(spec)
    assert caught.value.what == f"no lamp is called {told}"
    assert caught.value.mend == "known: candle, torch"


def test_an_extra_field_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"lumen\n.*Extra inputs are not permitted"):
        Lamp.build({"kind": "candle", "lumen": 3})


@pytest.mark.parametrize("lumen", [float("nan"), float("inf"), "bright"])
def test_a_field_is_a_finite_number_of_its_type(lumen: object) -> None:
    with pytest.raises(ValidationError, match="lumen"):
        Lamp.build({"kind": "torch", "lumen": lumen})


def test_a_part_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Candle().hours = 1  # type: ignore[misc] # what is tested
    assert hash(Candle(hours=2)) == hash(Candle(hours=2))


@pytest.mark.usefixtures("registry")
def test_a_member_is_known_once_it_is_defined() -> None:
    class Lantern(Lamp):
        """A light in a cage."""

        kind: Literal["lantern"] = "lantern"

    assert Lamp.build("lantern") == Lantern()


@pytest.mark.usefixtures("registry")
def test_two_members_with_one_kind_are_refused() -> None:
    with pytest.raises(TypeError, match=r"two parts call themselves 'candle': Candle and .*Taper"):

        class Taper(Lamp):
            """A thin candle."""

            kind: Literal["candle"] = "candle"

    assert Lamp.members["candle"] is Candle


@pytest.mark.parametrize("lamp", ["candle", {"kind": "candle"}, Candle(), {"kind": "candle", "hours": 4}])
def test_a_field_holds_any_member_of_a_family(lamp: object) -> None:
    ward = Ward.model_validate({"lamp": lamp, "bed": "cot"})
    assert ward.model_dump() == {"lamp": {"kind": "candle", "hours": 4}, "bed": {"kind": "cot"}}


@pytest.mark.parametrize("model", [Ward(), Ward(lamp=Candle(hours=1))])
def test_a_model_with_parts_survives_json(model: BaseModel) -> None:
    assert Ward.model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize(
    ("key", "spec", "place"),
    [
        ("lamp", "candel", ("lamp",)),
        ("lamp", {"hours": 3}, ("lamp",)),
        ("lamp", {"kind": "candle", "lumen": 3}, ("lamp", "candle", "lumen")),
        ("bed", "torch", ("bed", "kind")),
        ("bed", {"kind": "cot", "hours": 3}, ("bed", "hours")),
    ],
)
def test_a_mistake_in_a_field_is_told_with_its_place(key: str, spec: object, place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        Ward.model_validate({key: spec})
    (mistake,) = caught.value.errors()
    assert mistake["loc"] == place


def test_the_json_schema_lists_the_members_with_their_fields() -> None:
    schema = json.loads(json.dumps(Ward.model_json_schema()))
    lamp = schema["properties"]["lamp"]
    assert lamp["discriminator"]["mapping"] == {"candle": "#/$defs/Candle", "torch": "#/$defs/Torch"}
    assert {member["$ref"] for member in lamp["oneOf"]} == {"#/$defs/Candle", "#/$defs/Torch"}
    candle = schema["$defs"]["Candle"]
    assert candle["properties"]["kind"]["const"] == "candle"
    assert candle["properties"]["hours"]["type"] == "integer"
    assert candle["additionalProperties"] is False
