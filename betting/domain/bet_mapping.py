"""What the columns of a file of bets mean, as an operator writes it.  Pure.

``BetSpec`` is the JSON of ``betting.models.BetMapping.spec``; a column is named by its header.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a mapping: unknown fields are refused, left out ones have their default."""


class Pick(Spec, frozen=True):
    """What a column says, or another one where it is empty, translated by ``map`` if given."""

    column: str
    instead: str = ""
    map: dict[str, str] = {}


Text = str | Pick  # the same in every row, or what a column says


class Moment(Spec, frozen=True):
    """A time.  ``format`` is strptime's, "" ISO 8601; ``clock`` where only the day is told."""

    column: str
    format: str = ""
    zone: str = "UTC"
    clock: str = ""


class Known(Spec, frozen=True, tag_field="kind", tag="KNOWN"):
    """A selection that is known here, by the columns that name it."""

    event: str
    market: Text
    selection: str
    line: str = ""
    period: Text = ""
    about: str = ""
    competition: str = ""
    starts_at: Moment | None = None


class Race(Spec, frozen=True, tag_field="kind", tag="RACE"):
    """A runner of a race, made where it is not known: track, day and number say which race.

    ``market_id`` and ``runner_id`` are the publisher's own, those of ``namespace``.
    """

    sport: Text
    country: Text
    track: str
    day: Moment
    number: str
    market: Text
    market_id: str
    runner_id: str
    runner: str
    namespace: str = "betfair"
    market_prefix: str = "1."


class Purse(Spec, frozen=True):
    """Whose money it was.  One that is missing is opened on paper only where ``is_made``."""

    name: Text
    currency: Text = ""
    is_made: bool = False


class Amount(Spec, frozen=True):
    """A stake.  LIABILITY: of a lay it is what can be lost, not the backer's stake."""

    column: str
    of_lays: Literal["BACKERS", "LIABILITY"] = "BACKERS"


class Outcome(Spec, frozen=True):
    """How it ended as the file tells it: what the bet did, or what its selection did."""

    told: Pick
    of: Literal["BET", "SELECTION"] = "BET"


class Rate(Spec, frozen=True):
    """A commission on winnings."""

    column: str
    unit: Literal["SHARE", "PERCENT"] = "SHARE"


class BetSpec(Spec, frozen=True):
    """What each column of a file of bets means.

    ``rules``: the rule set that its outcomes, as told, are settled by; "": results settle it.
    ``without_price``: a price of 0 is one at a starting price that was never formed.
    """

    bankroll: Purse
    selection: Known | Race
    book: Text
    side: Text
    price: str
    stake: Amount
    placed_at: Moment
    reference: str = ""
    note: str = ""
    outcome: Outcome | None = None
    commission: Rate | None = None
    profit: Pick | None = None
    keep: list[str] = []
    delimiter: str = ","
    rules: str = ""
    without_price: Literal["REFUSED", "KEPT"] = "REFUSED"


class BadMapping(ValueError):
    """A mapping that cannot be used, and why."""


_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_ENDED = ("WON", "HALF_WON", "PUSH", "HALF_LOST", "LOST", "VOID", "")
_ALLOWED = {
    "side": ("BACK", "LAY"),
    "outcome": _ENDED,
    "market": ("WIN", "PLACE"),
    "sport": ("horse_racing", "greyhound_racing"),
}


def read(told: Mapping[str, Any]) -> BetSpec:
    """Return a mapping as it was written.

    Raises:
        BadMapping: a field is missing, unknown or of another kind; says where.
    """
    try:
        spec = msgspec.convert(_with_kind(told), BetSpec, strict=True)
    except (msgspec.ValidationError, TypeError) as wrong:
        raise BadMapping(str(wrong).replace(" - at `$", " at `")) from wrong
    for problem in _problems(spec):
        raise BadMapping(problem)
    return spec


def _with_kind(told: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the two ways of naming a selection apart by what they alone have."""
    selection = told.get("selection")
    if not isinstance(selection, Mapping) or "kind" in selection:
        return dict(told)
    kind = "RACE" if "track" in selection else "KNOWN"
    return {**told, "selection": {"kind": kind, **selection}}


def plain(spec: BetSpec) -> dict[str, Any]:
    """Return a mapping as JSON keeps it."""
    built: dict[str, Any] = msgspec.to_builtins(spec)
    return built


def columns(spec: BetSpec) -> frozenset[str]:
    """Return the columns without which a file cannot be read by this mapping."""
    needed = {spec.price, spec.stake.column, spec.placed_at.column, *_named(spec.side)}
    needed |= {*_named(spec.book), *_named(spec.bankroll.name)}
    chosen = spec.selection
    if isinstance(chosen, Race):
        needed |= {chosen.track, chosen.day.column, chosen.number, chosen.market_id}
        needed |= {chosen.runner_id, chosen.runner, *_named(chosen.market), *_named(chosen.sport)}
        needed |= _named(chosen.country)
    else:
        needed |= {chosen.event, chosen.selection, *_named(chosen.market)}
    return frozenset(needed)


def _named(text: Text) -> set[str]:
    return {text.column} if isinstance(text, Pick) else set()


def _problems(spec: BetSpec) -> Iterator[str]:
    """Yield what is wrong with a mapping that its types allow."""
    if len(spec.delimiter) != 1 or spec.delimiter in '"\r\n\0':
        yield "delimiter: one character"
    if spec.rules and _CODE.fullmatch(spec.rules) is None:
        yield f"rules: the code of a rule set, not {spec.rules!r}"
    if spec.rules and spec.outcome is None:
        yield "rules: only where outcome says how each bet ended"
    for moment in _moments(spec):
        try:
            ZoneInfo(moment.zone)
        except (LookupError, ValueError, OSError):
            yield f"zone: no time zone {moment.zone!r}"
        if moment.clock and _CLOCK.fullmatch(moment.clock) is None:
            yield f"clock: a time such as 09:00, not {moment.clock!r}"
    told: dict[str, Text | None] = {
        "side": spec.side,
        "outcome": spec.outcome.told if spec.outcome is not None else None,
    }
    if isinstance(spec.selection, Race):
        told |= {"market": spec.selection.market, "sport": spec.selection.sport}
    for field, text in told.items():
        said = text.map.values() if isinstance(text, Pick) else [text] if text else []
        for word in said:
            if word not in _ALLOWED[field]:
                yield f"{field}: one of {', '.join(filter(None, _ALLOWED[field]))}, not {word!r}"


def _moments(spec: BetSpec) -> Iterator[Moment]:
    yield spec.placed_at
    if isinstance(spec.selection, Race):
        yield spec.selection.day
    elif spec.selection.starts_at is not None:
        yield spec.selection.starts_at
