"""The guest shape: a list of match-ups, and a list of their straight markets."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from markets.connectors import payloads
from markets.connectors.base import ParsedEvent, ParsedPrice
from markets.connectors.pinnacle import codes, quotes
from markets.connectors.pinnacle.quotes import OWN_SIDE, Context
from markets.connectors.pinnacle.shapes import Matchup, Quote, Straight
from markets.connectors.pinnacle.told import Rejected, Told, names, start
from markets.domain import moments

_ROLES = {"home": "HOME", "draw": "DRAW", "away": "AWAY", "over": "OVER", "under": "UNDER"}


def matchups(told: Told, elements: Sequence[msgspec.Raw]) -> None:
    """Read the events; one that is live or no match of two sides is refused."""
    for record, raw in enumerate(elements, start=1):
        told.records += 1
        try:
            told.add(_event(msgspec.convert(_element(raw), Matchup), record))
        except (msgspec.DecodeError, payloads.BadPayload) as wrong:
            told.reject(record, "", payloads.in_words(wrong, what="a match-up"))
        except Rejected as wrong:
            told.reject(record, wrong.field, str(wrong))


def _element(raw: msgspec.Raw) -> Any:
    """Return one element.

    Raises:
        payloads.BadPayload: it cannot be read.
    """
    return payloads.json_document(bytes(raw), Any)


def _event(matchup: Matchup, record: int) -> ParsedEvent:
    if matchup.type != "matchup":
        raise Rejected("type", f"a match-up of two sides, not {matchup.type[:40]!r}")
    if matchup.isLive:
        raise Rejected("isLive", "a match-up before its start, not its live copy")
    sport = codes.SPORTS.get(matchup.league.sport.name)
    if sport is None:
        raise Rejected("sport", f"a sport that is read, not {matchup.league.sport.name[:40]!r}")
    sides = {side.alignment: side.name for side in matchup.participants}
    if len(matchup.participants) != 2 or set(sides) != {"home", "away"}:
        raise Rejected("participants", "a home and an away side")
    home, away = names(sides["home"], sides["away"])
    starts_at = start(matchup.startTime, "startTime")
    return ParsedEvent(
        str(matchup.id),
        matchup.league.name,
        codes.season(sport, matchup.league.name, starts_at),
        home,
        away,
        starts_at=starts_at,
        record=record,
        id=str(matchup.id),
    )


def are_markets(elements: Sequence[msgspec.Raw]) -> bool:
    """Say whether a list holds markets, by its first element that can be read."""
    found = (_readable(element) for element in elements)
    first = next((value for value in found if isinstance(value, dict)), {})
    return "matchupId" in first


def markets(told: Told, elements: Sequence[msgspec.Raw]) -> None:
    """Read the prices; the markets of one match-up are one record."""
    values = [_readable(element) for element in elements]
    drawable = {value["matchupId"] for value in values if _has_draw(value)}
    for value in values:
        ref = value.get("matchupId") if isinstance(value, dict) else None
        if not isinstance(ref, int):
            told.records += 1
            wrong = f": {value}" if isinstance(value, payloads.BadPayload) else ""
            told.reject(told.records, "matchupId", f"the match-up whose market it is{wrong}")
            continue
        record = told.known_only(str(ref))
        try:
            market = msgspec.convert(value, Straight)
        except msgspec.ValidationError as wrong:
            told.tell(record, "", payloads.in_words(wrong, what="a straight market"))
            continue
        sport = told.sport or ("soccer" if ref in drawable else "")
        told.prices += _prices(told, market, told.context(str(ref), record, sport=sport))


def _readable(raw: msgspec.Raw) -> Any:
    try:
        return _element(raw)
    except payloads.BadPayload as wrong:
        return wrong


def _has_draw(value: Any) -> bool:
    """Say whether an element quotes a draw, which among these sports only soccer has."""
    if not isinstance(value, dict) or not isinstance(value.get("matchupId"), int):
        return False
    prices = value.get("prices")
    return isinstance(prices, list) and any(
        isinstance(price, dict) and price.get("designation") == "draw" for price in prices
    )


def _prices(told: Told, market: Straight, context: Context) -> Iterator[ParsedPrice]:
    """Return the prices of a market that is open."""
    period = context.period(market.period)
    if market.status != "open" or period is None or _is_cut_off(market, told.fetched_at):
        return
    shown = {quote.designation: quote for quote in market.prices}
    match market.type:
        case "moneyline":
            kind = "MATCH_ODDS" if "draw" in shown else "MONEYLINE"
            yield from _market(context, kind, period, None, market.prices)
        case "spread":
            yield from _spread(context, period, shown)
        case "total":
            yield from _total(context, "TOTAL", period, market.prices)
        case "team_total" if market.side in OWN_SIDE:
            yield from _total(
                context, "TEAM_TOTAL", period, market.prices, of=OWN_SIDE[market.side]
            )
        case _:
            context.tell("type", f"a straight market, not {market.type[:40]!r}")


def _is_cut_off(market: Straight, fetched_at: datetime) -> bool:
    try:
        return market.cutoffAt is not None and moments.stamp(market.cutoffAt) <= fetched_at
    except moments.BadMoment:
        return False


def _spread(context: Context, period: str, shown: dict[str, Quote]) -> Iterator[ParsedPrice]:
    if set(shown) != {"home", "away"}:
        context.tell("spread", "a handicap of the home and of the away side")
        return
    line = context.line(shown["home"].points, "points")
    other = context.line(shown["away"].points, "points")
    if line is None or other is None:
        return
    if line != -other:
        context.tell("points", f"two handicaps that mirror each other, not {line} and {other}")
        return
    kind = quotes.handicap_kind(context)
    if kind:
        yield from _market(context, kind, period, line, list(shown.values()))


def _total(
    context: Context, kind: str, period: str, prices: Sequence[Quote], *, of: str = ""
) -> Iterator[ParsedPrice]:
    points = {quote.points for quote in prices}
    if len(points) != 1:
        context.tell("points", "one total for both prices")
        return
    line = context.line(points.pop(), "points")
    if line is not None:
        yield from _market(context, kind, period, line, prices, of=of)


def _market(
    context: Context,
    kind: str,
    period: str,
    line: Any,
    prices: Sequence[Quote],
    *,
    of: str = "",
) -> Iterator[ParsedPrice]:
    unknown = [quote.designation for quote in prices if quote.designation not in _ROLES]
    if unknown:
        context.tell("designation", f"one of {', '.join(_ROLES)}, not {unknown[0][:40]!r}")
        return
    told = [(_ROLES[quote.designation], quote.price) for quote in prices]
    yield from quotes.pair(context, kind=kind, period=period, line=line, quotes=told, of=of)
