"""What a program may be told: read strictly, refused by name, described for people."""

from typing import Literal

import pytest
from pydantic import Field, model_validator

from betting.domain import parameters, strategies
from betting.domain.parameters import BadParameters, Parameters


class Few(Parameters):
    days: float = Field(1.0, ge=0, le=30, description="Of rest.")
    games: int = Field(2, ge=1, le=9, description="Played.")
    is_strict: bool = Field(True, description="Whether it is.")
    side: Literal["ANY", "HOME"] | None = Field(None, description="Where it plays.")

    @model_validator(mode="after")
    def _go_together(self):
        if self.games > 5 and self.side is None:
            raise ValueError("more than 5 games need a side")
        return self


class TestRead:
    def test_takes_what_is_told_and_leaves_the_rest_as_made(self):
        assert Few.read({"days": 2, "side": "HOME"}) == Few(days=2.0, side="HOME", games=2)

    @pytest.mark.parametrize(
        "given, told",
        [
            ({"hours": 1}, "hours: no such parameter; there are days, games, is_strict, side"),
            ({"days": "2"}, "days: expected a number from 0 to 30, not '2'"),
            ({"days": True}, "days: expected a number from 0 to 30, not True"),
            ({"days": 30.5}, "days: expected a number from 0 to 30, not 30.5"),
            ({"days": float("nan")}, "days: expected a number from 0 to 30, not nan"),
            ({"days": float("inf")}, "days: expected a number from 0 to 30, not inf"),
            ({"days": None}, "days: expected a number from 0 to 30, not None"),
            ({"games": 2.5}, "games: expected a whole number from 1 to 9, not 2.5"),
            ({"is_strict": 1}, "is_strict: expected true or false, not 1"),
            ({"side": "AWAY"}, "side: expected ANY or HOME, or nothing, not 'AWAY'"),
            ({"games": 0, "x": 1}, "games: .*; x: no such parameter"),
            ({"games": 6}, "^more than 5 games need a side$"),
            ([1], "expected names with their values"),
            ("days", "expected names with their values"),
        ],
        ids=[
            "unknown", "text", "truth", "above", "nan", "infinite", "null", "part", "one", "choice",
            "two-faults", "together", "list", "word",
        ],
    )  # fmt: skip
    def test_refuses_what_does_not_fit_and_names_it(self, given, told):
        with pytest.raises(BadParameters, match=told):
            Few.read(given)

    def test_of_a_program_that_has_none_refuses_any(self):
        with pytest.raises(BadParameters, match="days: no such parameter; the program has none"):
            Parameters.read({"days": 1})

    def test_of_no_program_names_those_there_are(self):
        with pytest.raises(BadParameters, match="'martingale' is no strategy: "):
            strategies.read("martingale", {})


def table(code: str) -> list[str]:
    """Return the rows that the documentation must have of a program."""
    return [
        f"| `{one.name}` | {one.expected} | {'–' if one.default is None else one.default} |"
        f" {one.meaning} |"
        for one in parameters.described(strategies.REGISTRY[code].parameters)
    ]


@pytest.mark.parametrize("code", sorted(strategies.REGISTRY))
def test_every_program_stands_in_the_documentation_with_its_parameters(code):
    with open("docs/strategies.md", encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert f"### {code}" in lines
    assert [row for row in table(code) if row not in lines] == []
    for one in parameters.described(strategies.REGISTRY[code].parameters):
        assert strategies.read(code, {one.name: one.default})  # what is told as made is sound
