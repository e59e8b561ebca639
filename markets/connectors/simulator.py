"""The simulated league as a source: tells its calendar, prices and results like any connector.

It has no payload to parse: what it tells of a match at a moment follows from the seed and the
match's planned start.  Every competition and book it names is flagged as simulated.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache

from markets.connectors.base import (
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedPrice,
    ParsedResult,
)
from markets.domain import simulation
from markets.domain.simulation import LeagueSeason

CODE = "simulator"
COMPETITION = "SIM1"
SELECTIONS = (
    ("MATCH_ODDS", "HOME"),
    ("MATCH_ODDS", "DRAW"),
    ("MATCH_ODDS", "AWAY"),
    ("ASIAN_HANDICAP", "HOME"),
    ("ASIAN_HANDICAP", "AWAY"),
    ("TOTAL", "OVER"),
    ("TOTAL", "UNDER"),
)


@dataclass(frozen=True, slots=True)
class Fixture:
    """A match on the calendar, and what was told of it so far."""

    match: int  # its row in the season
    starts_at: datetime
    status: str = ""  # "": not even that it will be played
    priced_until: datetime | None = None


def season_label(number: int) -> str:
    """Name a season so that names sort in time order.

    >>> season_label(7), season_number("S00007")
    ('S00007', 7)
    """
    return f"S{number:05d}"


def season_number(label: str) -> int:
    return int(label.removeprefix("S"))


def competition(*, time_scale: float) -> ParsedCompetition:
    return ParsedCompetition(
        code=COMPETITION, name="Clockwork League", is_simulated=True, time_scale=time_scale
    )


def books() -> list[ParsedBook]:
    return [
        ParsedBook(
            code=book.code,
            name=book.name,
            reference_rank=book.reference_rank,
            is_simulated=True,
        )
        for book in simulation.BOOKS
    ]


@lru_cache(maxsize=8)
def pairings(seed: int, number: int) -> dict[tuple[str, str], int]:
    """Return the row of each match of a season by the names of its sides."""
    season = simulation.season(seed, number)
    return {
        (simulation.CLUBS[home], simulation.CLUBS[away]): row
        for row, (home, away) in enumerate(zip(season.home, season.away, strict=True))
    }


def calendar(*, seed: int, number: int, first_start: datetime, time_scale: float) -> list[Fixture]:
    """Lay a whole season from its first start on."""
    return [
        Fixture(row, first_start + simulation.duration(hours, time_scale=time_scale))
        for row, hours in enumerate(simulation.season(seed, number).hours)
    ]


def season_over_at(*, first_start: datetime, time_scale: float) -> datetime:
    """Return when a season laid from ``first_start`` makes room for the next."""
    return first_start + simulation.duration(simulation.SEASON_LENGTH, time_scale=time_scale)


def tell(
    *, seed: int, number: int, fixtures: Iterable[Fixture], at: datetime, time_scale: float
) -> ParsedBatch:
    """Tell what became known of some matches of one season up to a moment, and only that.

    A match that began before it was ever asked about tells no more than opening, last stage of
    the features ladder and close of its prices: nobody was there to watch the steps between.
    """
    teller = _Teller(seed, number, at, time_scale)
    events, prices, results = [], [], []
    for fixture in fixtures:
        told = list(teller.prices(fixture))
        status = teller.status(fixture)
        if not told and status == fixture.status:
            continue
        events.append(teller.event(fixture, status))
        prices += told
        if status == "FINISHED":
            results.append(teller.result(fixture))
    return ParsedBatch(
        events=events,
        prices=prices,
        results=results,
        competitions=[competition(time_scale=time_scale)],
        books=books(),
    )


class _Teller:
    def __init__(self, seed: int, number: int, at: datetime, time_scale: float) -> None:
        self.season: LeagueSeason = simulation.season(seed, number)
        self.label = season_label(number)
        self.at = at
        self.before = [
            simulation.duration(hours, time_scale=time_scale) for hours in simulation.STEPS
        ]
        self.over_after = simulation.duration(simulation.RESULT_AFTER, time_scale=time_scale)

    def ref(self, fixture: Fixture) -> str:
        return f"{self.label}/{fixture.match}"

    def status(self, fixture: Fixture) -> str:
        if self.at < fixture.starts_at:
            return "SCHEDULED"
        return "LIVE" if self.at < fixture.starts_at + self.over_after else "FINISHED"

    def event(self, fixture: Fixture, status: str) -> ParsedEvent:
        return ParsedEvent(
            ref=self.ref(fixture),
            competition=COMPETITION,
            season=self.label,
            home=simulation.CLUBS[self.season.home[fixture.match]],
            away=simulation.CLUBS[self.season.away[fixture.match]],
            leg=1,
            starts_at=fixture.starts_at,
            started_at=None if status == "SCHEDULED" else fixture.starts_at,
            status=status,
        )

    def result(self, fixture: Fixture) -> ParsedResult:
        home, away = self.season.goals[fixture.match].tolist()
        home_half, away_half = self.season.goals_half[fixture.match].tolist()
        return ParsedResult(
            event_ref=self.ref(fixture),
            status="FINAL",
            home_score=home,
            away_score=away,
            home_score_half=home_half,
            away_score_half=away_half,
            known_at=fixture.starts_at + self.over_after,
        )

    def prices(self, fixture: Fixture) -> Iterator[ParsedPrice]:
        for step in self._steps_due(fixture):
            seen_at = fixture.starts_at - self.before[step]
            yield from self._quoted(fixture, step, seen_at)

    def _steps_due(self, fixture: Fixture) -> Sequence[int]:
        is_past = self.at >= fixture.starts_at
        return [
            step
            for step in (simulation.KEPT_STEPS if is_past else range(len(self.before)))
            if (seen_at := fixture.starts_at - self.before[step]) <= self.at
            and (fixture.priced_until is None or seen_at > fixture.priced_until)
        ]

    def _quoted(self, fixture: Fixture, step: int, seen_at: datetime) -> Iterator[ParsedPrice]:
        ref = self.ref(fixture)
        handicap = Decimal(str(self.season.line[fixture.match]))
        lines = {"ASIAN_HANDICAP": handicap, "TOTAL": Decimal(str(simulation.TOTAL_LINE))}
        thousandths = (self.season.prices[fixture.match, :, step] * 1000).round().astype(int)
        for book, row in zip(simulation.BOOKS, thousandths.tolist(), strict=True):
            for (kind, role), price in zip(SELECTIONS, row, strict=True):
                yield ParsedPrice(
                    event_ref=ref,
                    kind=kind,
                    line=lines.get(kind),
                    role=role,
                    book=book.code,
                    price=_decimal(price),
                    seen_at=seen_at,
                )


@cache
def _decimal(thousandths: int) -> Decimal:
    """Return a price with three places; there are only so many different ones."""
    return Decimal(thousandths).scaleb(-3)
