"""What a program may be told by the strategy that names it: typed, bounded, described.

A program declares its parameters as a frozen model, which reads what an operator writes, strictly:
no unknown name, no text for a number, nothing that is no number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError


class Parameters(BaseModel):
    """The parameters of a program, each with its default.  Without any of its own: none at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def read(cls, given: object) -> Self:
        """Return parameters from what a row holds.

        Raises:
            BadParameters: and names every parameter that does not fit, with what was expected.
        """
        if not isinstance(given, Mapping):
            raise BadParameters({"": f"expected names with their values, not {given!r:.60}"})
        try:
            return cls.model_validate(dict(given))
        except ValidationError as no:
            raise BadParameters(_faults(cls, no)) from no


class BadParameters(ValueError):
    """A parameter that the program does not have, or a value that it cannot have."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(
            "; ".join(f"{name}: {text}" if name else text for name, text in faults.items())
        )
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class Described:
    """A parameter in words: what it may be, what it is unless told, what it does."""

    name: str
    expected: str
    default: Any
    meaning: str


def described(parameters: type[Parameters]) -> tuple[Described, ...]:
    """Return the parameters of a program in words, in the order of their declaration.

    >>> from typing import Literal
    >>> from pydantic import Field
    >>> class Few(Parameters):
    ...     days: float = Field(1.0, ge=0, le=30, description="Of rest.")
    ...     side: Literal["ANY", "HOME"] | None = Field(None, description="Where it plays.")
    >>> [(one.name, one.expected) for one in described(Few)]
    [('days', 'a number from 0 to 30'), ('side', 'ANY or HOME, or nothing')]
    """
    schema = parameters.model_json_schema()["properties"] if parameters.model_fields else {}
    return tuple(
        Described(
            name=name,
            expected=_expected(schema[name]),
            default=field.default,
            meaning=field.description or "",
        )
        for name, field in parameters.model_fields.items()
    )


_TYPES = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "a text",
}


def _expected(told: Mapping[str, Any]) -> str:
    if choices := told.get("anyOf"):
        return ", or ".join(_expected(choice) for choice in choices)
    if told.get("type") == "null":
        return "nothing"
    if "const" in told:
        return str(told["const"])
    if choices := told.get("enum"):
        return " or ".join(str(choice) for choice in choices)
    least, most = told.get("minimum"), told.get("maximum")
    text = _TYPES[told["type"]]
    return f"{text} from {least:g} to {most:g}" if least is not None and most is not None else text


def _faults(parameters: type[Parameters], no: ValidationError) -> dict[str, str]:
    """Return what is wrong by parameter; a rule over several names them itself."""
    known = {one.name: one for one in described(parameters)}
    faults: dict[str, str] = {}
    for error in no.errors(include_url=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        if name in known:
            faults[name] = f"expected {known[name].expected}, not {error['input']!r:.60}"
        elif name:
            there = f"there are {', '.join(known)}" if known else "the program has none"
            faults[name[:60]] = f"no such parameter; {there}"
        else:
            faults[""] = str(error.get("ctx", {}).get("error", error["msg"]))
    return faults
