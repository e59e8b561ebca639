"""A small world to find flaws in: events of one league, and what books show of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from markets.models import (
    Book,
    Competition,
    Event,
    EventAlias,
    LatestPrice,
    Market,
    Participant,
    QualityFinding,
    Result,
    Season,
    Selection,
    Source,
    Sport,
)
from markets.services import partitions, qualifying

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def a_source(code: str = "feed", **fields: Any) -> Source:
    values = {"name": code, "cadence_seconds": 600, "location": "https://feed.example", **fields}
    return Source.objects.get_or_create(code=code, defaults=values)[0]


def a_league(code: str = "X1", *, sport: str = "soccer", **fields: Any) -> Competition:
    game, _ = Sport.objects.get_or_create(code=sport, defaults={"name": sport})
    return Competition.objects.get_or_create(
        code=code, defaults={"sport": game, "name": code, **fields}
    )[0]


def a_side(name: str, league: Competition) -> Participant:
    return Participant.objects.get_or_create(sport=league.sport, name=name)[0]


def an_event(
    home: str = "Alders",
    away: str = "Birches",
    *,
    starts_in: timedelta = 2 * HOUR,
    league: Competition | None = None,
    label: str = "2025-26",
    **fields: Any,
) -> Event:
    """Return an event that a source with a cadence of ten minutes knows by its id."""
    league = league or a_league()
    season, _ = Season.objects.get_or_create(competition=league, label=label)
    event = Event.objects.create(
        **{
            "competition": league,
            "season": season,
            "home": a_side(home, league),
            "away": a_side(away, league),
            "name": f"{home} v {away}",
            "starts_at": NOW + starts_in,
            **fields,
        }
    )
    EventAlias.objects.create(namespace=a_source().ids_of, ref=str(event.pk), event=event)
    return event


def a_book(code: str = "bet365", kind: str = "BOOKMAKER") -> Book:
    return Book.objects.get_or_create(code=code, defaults={"name": code, "kind": kind})[0]


def quote(
    event: Event,
    kind: str = "MATCH_ODDS",
    *,
    book: str = "bet365",
    book_kind: str = "BOOKMAKER",
    line: str | None = None,
    told: timedelta = MINUTE,
    since: timedelta | None = None,
    places: int | None = None,
    **prices: str,
) -> Market:
    """Let a book show prices by role (or by a runner's name), last told so long ago."""
    market, _ = Market.objects.get_or_create(
        event=event,
        kind=kind,
        line=None if line is None else Decimal(line),
        defaults={"places": places},
    )
    for role, price in prices.items():
        runner = None if role.isupper() else a_side(role, event.competition)
        selection, _ = Selection.objects.get_or_create(
            market=market, role="RUNNER" if runner else role, participant=runner,
            defaults={"name": role},
        )  # fmt: skip
        LatestPrice.objects.create(
            selection=selection,
            book=a_book(book, book_kind),
            price=Decimal(price),
            seen_at=NOW - (told if since is None else since),
            confirmed_at=NOW - told,
        )
    return market


def a_result(event: Event, *, status: str = "FINAL", **fields: Any) -> Result:
    return Result.objects.create(
        **{
            "event": event,
            "version": 1,
            "status": status,
            "home_score": 1,
            "away_score": 0,
            "source": a_source(),
            "known_at": event.starts_at + 2 * HOUR,
            "recorded_at": event.starts_at + 2 * HOUR,
            **fields,
        }
    )


def partitions_stand() -> None:
    partitions.ensure_ahead(now=NOW)


def look(*rules: str, now: datetime = NOW, **asked: Any) -> qualifying.Looked:
    return qualifying.look(as_of=NOW, now=now, rules=rules or None, **asked)


def found(rule: str, **asked: Any) -> list[str]:
    """Return what a rule says of the world, worst first."""
    assert look(rule, **asked).failed == {}
    rows = QualityFinding.objects.filter(kind=rule, resolved_at=None).order_by("pk")
    return [row.detail for row in rows]
