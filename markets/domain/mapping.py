"""Reading a mapping, and saying what is wrong with it.  Pure.

How a file's cells are read by it stands in ``markets.domain.mapped_cells``.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from markets.domain import kinds, moments
from markets.domain.mapping_spec import MappingSpec, Price, Time, columns

__all__ = ["MARKS", "BadMapping", "MappingSpec", "columns", "flaws", "is_by_id", "plain", "read"]

ENCODINGS = ("utf-8", "cp1252", "iso8859-1", "iso8859-15", "cp1250", "cp1251")
MINUTES_AT_MOST, HOURS_AT_MOST = 100_000, 1_000
_CODE = re.compile(r"[-a-zA-Z0-9_]{1,30}")
_LINE = re.compile(r"[+-]?\d{1,4}(\.(0|00|25|5|50|75))?")
MARKS = {"NONE": 0, "OPENER": 1, "CLOSE": 2}


class BadMapping(ValueError):
    """A mapping that cannot be used; says where and what was expected."""


def read(raw: Mapping[str, Any] | str | bytes) -> MappingSpec:
    """Return a mapping from its JSON.

    Raises:
        BadMapping: it is none; the message says where.

    >>> read({"sport": "tennis", "prices": [{"kind": "MONEYLINE"}]})
    Traceback (most recent call last):
    ...
    markets.domain.mapping.BadMapping: Object missing required field `role` - at `$.prices[0]`
    """
    try:
        if isinstance(raw, str | bytes):
            spec = msgspec.json.decode(raw, type=MappingSpec)
        else:
            spec = msgspec.convert(dict(raw), MappingSpec)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise BadMapping(str(wrong)[:400]) from wrong
    wrongs = ["text that can be kept"] if not _is_kept(spec) else flaws(spec)
    if wrongs:
        raise BadMapping("; ".join(wrongs)[:400])
    return spec


def _is_kept(spec: MappingSpec) -> bool:
    """Say whether every text of a mapping can be stored: no NUL, no half of a character."""
    try:
        return b"\\u0000" not in msgspec.json.encode(spec)
    except (UnicodeEncodeError, msgspec.MsgspecError):
        return False


def plain(spec: MappingSpec) -> dict[str, Any]:
    """Return a mapping as JSON holds it."""
    built: dict[str, Any] = msgspec.to_builtins(spec)
    return built


def flaws(spec: MappingSpec) -> list[str]:
    """Return what is wrong with a mapping, in words; none where it can be used.

    >>> flaws(MappingSpec(sport="tennis"))[0]
    'sides, a race, or the id of an event'
    """
    return [*_event_flaws(spec), *_file_flaws(spec), *_price_flaws(spec), *_result_flaws(spec)]


def is_by_id(spec: MappingSpec) -> bool:
    """Say whether its rows tell an event's id and nothing else of it."""
    return spec.sides is None and spec.race is None


def _event_flaws(spec: MappingSpec) -> Iterator[str]:
    if spec.sides is not None and spec.race is not None:
        yield "either sides or a race"
    if spec.sides is None and spec.race is None and spec.event is None:
        yield "sides, a race, or the id of an event"
    if not is_by_id(spec):
        if spec.competition is None:
            yield "competition: whose events they are"
        if spec.season is None:
            yield "season: where its label comes from"
        if spec.time is None:
            yield "time: when an event starts"
    if spec.sides is None and spec.creates_events:
        yield "creates_events: false, where rows name no two sides"
    if spec.runner is not None and not (spec.runner.id or spec.runner.name):
        yield "runner: a column of ids or of names"
    if spec.time is not None:
        yield from _time_flaws(spec.time)
    if spec.season is not None:
        if spec.season.rule != "BY_DATE" and not spec.season.column:
            yield f"season: a column, by the rule {spec.season.rule}"
        if not 1 <= spec.season.turns <= 12:
            yield "season.turns: a month from 1 to 12"
    if spec.competition is not None:
        yield from _zone_flaws("competition.time_zone", spec.competition.time_zone)
        if isinstance(spec.competition.code, str) and not _CODE.fullmatch(spec.competition.code):
            yield "competition.code: up to 30 letters, digits, hyphens and underscores"


def _time_flaws(spec: Time) -> Iterator[str]:
    yield from _zone_flaws("time.zone", spec.zone)
    if not spec.date:
        yield "time.date: a column"
    for name, form, probe in (
        ("time.date_format", spec.date_format, date(2024, 2, 29)),
        ("time.time_format", spec.time_format, time(13, 45)),
    ):
        if form and not _is_format(form, probe):
            yield f"{name}: a format such as %d/%m/%Y or %H:%M, not {form!r}"


def _is_format(form: str, probe: date | time) -> bool:
    try:
        datetime.strptime(probe.strftime(form), form).replace(tzinfo=UTC)
    except (ValueError, TypeError):
        return False
    return True


def _zone_flaws(where: str, zone: str) -> Iterator[str]:
    if zone:
        try:
            moments.zone(zone)
        except moments.BadMoment as wrong:
            yield f"{where}: {wrong}"


def _file_flaws(spec: MappingSpec) -> Iterator[str]:
    if len(spec.delimiter) != 1 or spec.delimiter in '"\r\n':
        yield "delimiter: one character"
    if spec.delimiter == spec.decimal:
        yield f"decimal: another character than the delimiter {spec.delimiter!r}"
    try:
        is_known = codecs.lookup(spec.encoding).name in ENCODINGS
    except (LookupError, ValueError):
        is_known = False
    if not is_known:
        yield f"encoding: one of {', '.join(ENCODINGS)}, not {spec.encoding!r}"
    if not (spec.prices or spec.result or spec.data):
        yield "something to read: prices, a result or data"
    for at, book in enumerate(spec.books):
        if not _CODE.fullmatch(book.code) or not 0 < len(book.name.strip()) <= 60:
            yield f"books[{at}]: a code of up to 30 letters and digits, and a name of up to 60"
        if book.reference_rank is not None and not 1 <= book.reference_rank <= 1000:
            yield f"books[{at}].reference_rank: from 1 to 1000"
    if len(spec.prices) > 500 or len(spec.data) > 100:
        yield "at most 500 columns of prices and 100 of data"


def _price_flaws(spec: MappingSpec) -> Iterator[str]:
    for at, price in enumerate(spec.prices):
        yield from (f"prices[{at}].{flaw}" for flaw in _flaws_of(price, spec))


def _flaws_of(price: Price, spec: MappingSpec) -> Iterator[str]:
    roles = kinds.roles_of(price.kind)
    if not roles or price.kind in kinds.STATISTIC_KINDS:
        yield f"kind: one that a file can quote, not {price.kind!r}"
        return
    told = [price.role] if isinstance(price.role, str) else list(price.role.map.values())
    if not told or set(told) - set(roles):
        yield f"role: {', '.join(roles)}, not {', '.join(told) or 'nothing'}"
    if price.period not in kinds.PERIODS:
        yield f"period: one of {', '.join(kinds.PERIODS)}, not {price.period!r}"
    if (price.line is not None) != (price.kind in kinds.LINE_KINDS):
        yield f"line: {'one' if price.kind in kinds.LINE_KINDS else 'none'} for {price.kind}"
    if price.line is not None and bool(price.line.column) == bool(price.line.value):
        yield "line: either a column or a value"
    if price.line is not None and price.line.value and not _is_line(price.line.value):
        yield f"line.value: a number in quarters, not {price.line.value[:40]!r}"
    if isinstance(price.book, str) and not _CODE.fullmatch(price.book):
        yield "book: a code of up to 30 letters, digits, hyphens and underscores"
    if (price.kind in kinds.RUNNER_KINDS) != (spec.runner is not None):
        yield f"kind: {price.kind} {'without' if spec.runner is None else 'with'} a runner"
    if (price.kind == "TEAM_TOTAL") != bool(price.of):
        yield "of: HOME or AWAY for a TEAM_TOTAL, and only there"
    yield from _seen_flaws(price, spec)


def _seen_flaws(price: Price, spec: MappingSpec) -> Iterator[str]:
    seen = price.seen
    if seen is None:
        if price.mark != "CLOSE":
            yield "seen: when the price was shown"
        elif spec.time is None:
            yield "seen: when the price was shown, as no start is known"
        return
    ways = (bool(seen.column), bool(seen.clock), seen.minutes_before_start is not None)
    if sum(ways) != 1:
        yield "seen: one of column, clock and minutes_before_start"
    if not 0 <= (seen.minutes_before_start or 0) <= MINUTES_AT_MOST:
        yield f"seen.minutes_before_start: 0 to {MINUTES_AT_MOST}"
    if seen.clock and not _is_clock(seen.clock):
        yield f"seen.clock: hh:mm, not {seen.clock!r}"
    if spec.time is None and not seen.column:
        yield "seen.column: a moment, as no day is known"
    yield from _zone_flaws("seen.zone", seen.zone)


def _is_line(text: str) -> bool:
    return bool(text.isascii() and _LINE.fullmatch(text))


def _is_clock(text: str) -> bool:
    try:
        return time.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _result_flaws(spec: MappingSpec) -> Iterator[str]:
    result = spec.result
    if result is None:
        return
    if spec.sides is None:
        yield "result: only where a row names two sides"
    if any(len(pair) != 2 for pair in result.periods.values()) or len(result.half) not in (0, 2):
        yield "result: two columns for each period, the home side's first"
    if result.overtime and result.overtime not in result.periods:
        yield f"result.overtime: one of the periods, not {result.overtime!r}"
    if not 0 <= result.known_after_hours <= HOURS_AT_MOST:
        yield f"result.known_after_hours: 0 to {HOURS_AT_MOST}"
