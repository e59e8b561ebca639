"""What the rules of ``domain.quality`` find: one statement each, whatever the number of prices.

Rules of what is open go from the few events that have not begun to their latest prices; rules of
history go by events and closes of a span.  None reads the price history but for prices that are
under suspicion already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from markets.domain import quality
from markets.domain import quality_limits as limits
from markets.models import Book, Event, Market
from markets.queries import flaws_of_events, flaws_of_prices
from monitoring import thresholds

AT_MOST = limits.NAMED_AT_MOST


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: the open events and those since a moment, of all or of one season.

    ``since`` None: however long ago.
    """

    as_of: datetime
    since: datetime | None = None
    competition_id: int | None = None
    season_id: int | None = None

    def asked(self) -> dict[str, Any]:
        """Return it as parameters of a statement."""
        return {
            "as_of": self.as_of,
            "until": self.as_of + thresholds.span(limits.AHEAD),
            "since": self.since,
            "competition": self.competition_id,
            "season": self.season_id,
        }


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that a rule found; ``subject`` is the same at each look."""

    kind: str
    subject: str
    detail: str
    value: float | None = None
    season_id: int | None = None
    event_id: int | None = None
    market_id: int | None = None
    book_id: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The flaws of one rule, and how many there are of them in all."""

    flaws: list[Flaw]
    total: int

    @property
    def is_whole(self) -> bool:
        return self.total == len(self.flaws)


def find(*, kind: str, scope: Scope) -> Found:
    """Return what one rule finds now: at most ``AT_MOST`` flaws, in five statements at most.

    Raises:
        KeyError: there is no such rule.
    """
    if kind == "season-count":
        return _seasons(scope)
    statement, more = _RULES[kind]
    rows = _read(statement, {**scope.asked(), **more(), "at_most": AT_MOST})
    return Found(_named(kind, rows), rows[0]["total"] if rows else 0)


def _read(statement: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        # The planner cannot know how few events are open: compiling costs more than running.
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(statement, asked)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _named(kind: str, rows: list[dict[str, Any]]) -> list[Flaw]:
    """Put what the rows are about into words, each table read once."""
    keys = {name: {row.get(name) for row in rows} - {None} for name in _ABOUT}
    markets = Market.objects.select_related("participant").in_bulk(keys["market_id"])
    events = Event.objects.in_bulk(keys["event_id"])
    books = Book.objects.in_bulk(keys["book_id"])
    flaws = []
    for row in rows:
        about = [
            events.get(row.get("event_id")),
            markets.get(row.get("market_id")),
            books.get(row.get("book_id")),
        ]
        named = ", ".join(str(one) for one in about if one is not None)
        text = f"{named}: {row['text']}" if named else str(row["text"])
        flaws.append(
            Flaw(
                kind=kind,
                subject=row.get("subject") or _subject(row),
                detail=text[:500],
                value=row["value"],
                season_id=row["season_id"],
                **{name: row.get(name) for name in _ABOUT},
            )
        )
    return flaws


_ABOUT = ("event_id", "market_id", "book_id")


def _subject(row: Mapping[str, Any]) -> str:
    """Name what a row is about, the market rather than its event, and at which book."""
    for name, label in (("market_id", "Market"), ("event_id", "Event"), ("season_id", "Season")):
        if row.get(name) is not None:
            about = f"markets.{label}:{row[name]}"
            break
    return f"{about}/markets.Book:{row['book_id']}" if row.get("book_id") else about


def _seasons(scope: Scope) -> Found:
    asked = {**scope.asked(), "over_after": thresholds.span(limits.SEASON_OVER_AFTER)}
    leagues = quality.Leagues(
        share=thresholds.value(limits.ROUND_ROBIN_SHARE),
        sides=thresholds.whole(limits.FEWEST_TEAMS),
    )
    flaws = []
    for row in _read(flaws_of_events.TALLIES, asked):
        tally = quality.Tally(
            code=row["code"],
            label=row["label"],
            teams=row["teams"],
            matches=row["matches"],
            pairings=row["pairings"],
            is_over=row["is_over"],
        )
        flaw = quality.season_flaw(tally, leagues=leagues)
        if flaw is not None:
            off_by, said = flaw
            flaws.append(
                Flaw(
                    kind="season-count",
                    subject=f"markets.Season:{row['season_id']}",
                    detail=f"{tally.code} {tally.label}: {said}",
                    value=off_by,
                    season_id=row["season_id"],
                )
            )
    return Found(flaws[:AT_MOST], len(flaws))


def _ranges() -> dict[str, Any]:
    rows = limits.bounds(read=thresholds.value)
    return {
        "kinds": [row.kind for row in rows],
        "book_kinds": [row.book_kind for row in rows],
        "lows": [row.low for row in rows],
        "highs": [row.high for row in rows],
        "answers": [row.answers for row in rows],
        "sums": [row.sums_to for row in rows],
        "together": thresholds.span(limits.TOGETHER),
    }


def _whole() -> dict[str, Any]:
    return {**_ranges(), "whole_kinds": list(quality.WHOLE_KINDS)}


def _patience() -> dict[str, Any]:
    return {
        "cadences": thresholds.value(limits.STALE_CADENCES),
        "league_time": thresholds.span(limits.STALE_LEAGUE_HOURS),
    }


def _frozen() -> dict[str, Any]:
    return {
        **_whole(),
        **_patience(),
        "frozen_after": thresholds.span(limits.FROZEN_AFTER),
        "frozen_books": thresholds.whole(limits.FROZEN_BOOKS),
        "frozen_move": thresholds.value(limits.FROZEN_MOVE),
        "takes_bets": list(Book.TAKES_BETS),
    }


def _arbitrage() -> dict[str, Any]:
    return {
        **_whole(),
        **_patience(),
        "arbitrage": thresholds.value(limits.ARBITRAGE),
        "takes_bets": list(Book.TAKES_BETS),
    }


def _monotone() -> dict[str, Any]:
    return {**_whole(), "slack": thresholds.value(limits.MONOTONE_SLACK)}


def _results() -> dict[str, Any]:
    return {
        "after": thresholds.span(limits.RESULT_AFTER),
        "at_least": thresholds.span(limits.RESULT_AFTER_AT_LEAST),
        "sports": list(limits.RESULT_AFTER_OF),
        "afters": [thresholds.span(one) for one in limits.RESULT_AFTER_OF.values()],
    }


def _twice() -> dict[str, Any]:
    return {
        "within": thresholds.span(limits.DUPLICATE_WITHIN),
        "sports": list(limits.DUPLICATE_WITHIN_OF),
        "withins": [thresholds.span(one) for one in limits.DUPLICATE_WITHIN_OF.values()],
        "twice": thresholds.span(limits.TWICE_WITHIN),
    }


def _starts() -> dict[str, Any]:
    return {"apart": thresholds.span(limits.STARTS_APART)}


_RULES: Mapping[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "overround": (flaws_of_prices.OVERROUND, _ranges),
    "closing-overround": (flaws_of_prices.CLOSING_OVERROUND, _ranges),
    "missing-selection": (flaws_of_prices.MISSING_SELECTION, _whole),
    "stale-price": (flaws_of_prices.STALE_PRICE, _patience),
    "frozen-price": (flaws_of_prices.FROZEN_PRICE, _frozen),
    "crossed-ladder": (flaws_of_prices.CROSSED_LADDER, dict),
    "arbitrage": (flaws_of_prices.ARBITRAGE, _arbitrage),
    "line-not-monotone": (flaws_of_prices.LINE_NOT_MONOTONE, _monotone),
    "no-result": (flaws_of_events.NO_RESULT, _results),
    "season-without-results": (flaws_of_events.SEASON_WITHOUT_RESULTS, _results),
    "status-odd": (flaws_of_events.STATUS_ODD, _starts),
    "duplicated-event": (flaws_of_events.DUPLICATED_EVENT, _twice),
    "side-twice": (flaws_of_events.SIDE_TWICE, _twice),
    "start-disagrees": (flaws_of_events.START_DISAGREES, _starts),
    "start-placeholder": (flaws_of_events.START_PLACEHOLDER, dict),
}
