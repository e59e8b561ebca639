"""The older v3 shape: fixtures by league, and odds by league, event and period."""

from collections.abc import Iterator
from typing import Any

import msgspec

from markets.connectors import payloads
from markets.connectors.base import ParsedEvent, ParsedPrice
from markets.connectors.pinnacle import codes, quotes
from markets.connectors.pinnacle.quotes import OWN_SIDE, Context
from markets.connectors.pinnacle.shapes import Fixture, Fixtures, Odds, Period, Priced
from markets.connectors.pinnacle.told import Rejected, Told, names, start
from markets.domain import moments


def fixtures(told: Told, document: Fixtures) -> None:
    """Read the events of ``/v3/fixtures``."""
    sport = codes.SPORTS.get(codes.SPORT_IDS.get(document.sportId, ""))
    for league in document.league:
        for raw in league.events:
            told.records += 1
            try:
                fixture = payloads.json_document(bytes(raw), Fixture)
                told.add(_event(fixture, league.name, sport, told.records))
            except payloads.BadPayload as wrong:
                told.reject(told.records, "", f"a fixture: {wrong}")
            except Rejected as wrong:
                told.reject(told.records, wrong.field, str(wrong))


def _event(fixture: Fixture, league: str, sport: str | None, record: int) -> ParsedEvent:
    if sport is None:
        raise Rejected("sportId", "a sport that is read")
    if fixture.liveStatus == 1:
        raise Rejected("liveStatus", "a match-up before its start, not its live copy")
    home, away = names(fixture.home, fixture.away)
    starts_at = start(fixture.starts, "starts")
    return ParsedEvent(
        str(fixture.id),
        league,
        codes.season(sport, league, starts_at),
        home,
        away,
        starts_at=starts_at,
        record=record,
        id=str(fixture.id),
    )


def odds(told: Told, document: Odds) -> None:
    """Read the prices of ``/v3/odds``; an event is one record."""
    told.sport = codes.SPORTS.get(codes.SPORT_IDS.get(document.sportId, ""), "")
    for league in document.leagues:
        for raw in league.events:
            try:
                event = payloads.json_document(bytes(raw), Priced)
            except payloads.BadPayload as wrong:
                told.records += 1
                told.reject(told.records, "", f"an event with periods: {wrong}")
                continue
            record = told.known_only(str(event.id))
            context = told.context(str(event.id), record, sport=told.sport)
            for period in event.periods:
                told.prices += _period(told, period, context)


def _period(told: Told, value: Any, context: Context) -> Iterator[ParsedPrice]:
    try:
        period = msgspec.convert(value, Period)
    except msgspec.ValidationError as wrong:
        context.tell("periods", payloads.in_words(wrong, what="a period"))
        return
    name = context.period(period.number)
    if period.status != 1 or name is None or _is_cut_off(period, told):
        return
    yield from _moneyline(period, name, context)
    for spread in period.spreads:
        line = context.line(spread.hdp, "hdp")
        if line is not None:
            told_prices = [("HOME", spread.home), ("AWAY", spread.away)]
            kind = quotes.handicap_kind(context)
            if kind:
                yield from quotes.pair(
                    context, kind=kind, period=name, line=line, quotes=told_prices
                )
    yield from _totals(period, name, context)


def _is_cut_off(period: Period, told: Told) -> bool:
    try:
        return period.cutoff is not None and moments.stamp(period.cutoff) <= told.fetched_at
    except moments.BadMoment:
        return False


def _moneyline(period: Period, name: str, context: Context) -> Iterator[ParsedPrice]:
    if period.moneyline is None:
        return
    shown = period.moneyline
    told = [
        (role, price)
        for role, price in (("HOME", shown.home), ("DRAW", shown.draw), ("AWAY", shown.away))
        if price is not None
    ]
    kind = "MATCH_ODDS" if shown.draw is not None else "MONEYLINE"
    yield from quotes.pair(context, kind=kind, period=name, line=None, quotes=told)


def _totals(period: Period, name: str, context: Context) -> Iterator[ParsedPrice]:
    whole = [("TOTAL", "", total) for total in period.totals]
    if period.teamTotal is not None:
        for side in OWN_SIDE:
            total = getattr(period.teamTotal, side)
            if total is not None:
                whole.append(("TEAM_TOTAL", OWN_SIDE[side], total))
    for kind, of, total in whole:
        line = context.line(total.points, "points")
        if line is not None:
            told = [("OVER", total.over), ("UNDER", total.under)]
            yield from quotes.pair(context, kind=kind, period=name, line=line, quotes=told, of=of)
