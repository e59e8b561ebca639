"""A small world whose facts change at random, and a feature set that reads all of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.models import (
    Book,
    Competition,
    Event,
    EventChange,
    Market,
    Participant,
    PriceSnapshot,
    Result,
    Season,
    Selection,
    Source,
    Sport,
)
from models_ml.domain.facts import Asks, Facts
from tests.models_ml import builders

START = datetime(2023, 9, 2, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ROLES = ("HOME", "DRAW", "AWAY")
SIDES = 6


def compute(facts: Facts, asks: Asks) -> NDArray[np.float64]:
    """Return goals of both sides so far, versions told, matches planned, and the last price."""
    fixtures, results, quotes = facts.fixtures, facts.results, facts.quotes
    values = np.full((len(asks.event), 4), np.nan)
    for row, (event, moment) in enumerate(zip(asks.event, asks.as_of, strict=True)):
        known = facts.at(int(moment))
        plan = known.fixtures.take(known.fixtures.event == event)
        mine = known.fixtures.take(known.fixtures.competition == plan.competition[-1])
        told = known.results.take(np.isin(known.results.event, mine.event))
        told = told.take(told.is_final == 1)
        values[row, 0] = told.home_score.sum() + told.away_score.sum()
        values[row, 1] = len(told)
        values[row, 2] = (mine.starts_at < plan.starts_at[-1]).sum()
        seen = known.quotes.take(known.quotes.event == event)
        if len(seen):
            values[row, 3] = seen.price_millis[-1] / 1000
    assert len(fixtures) and len(results) and quotes is not None
    return values


@dataclass(frozen=True)
class Goals:
    """A feature set like any other, as far as filling the store needs it."""

    name: str = "goals_v0"
    sport: str = "soccer"
    grain: str = "MATCH"
    sha256: str = "a" * 64
    names: list[str] = field(default_factory=lambda: ["goals", "told", "planned", "price"])
    factor: float = 1.0

    def compute(self, facts: Facts, asks: Asks) -> Any:
        return compute(facts, asks) * self.factor


@dataclass
class Story:
    """A league that goes on: matches are played, corrected, moved, and prices come late."""

    random: random.Random
    now: datetime = START
    events: list[Event] = field(default_factory=list)
    selections: dict[int, list[Selection]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)  # of these days, not yet written
    prices: list[PriceSnapshot] = field(default_factory=list)
    book: Book | None = None
    source: Source | None = None

    def begin(self, codes: Sequence[str] = ("A", "B")) -> "Story":
        sport = Sport.objects.get_or_create(code="soccer", defaults={"name": "Soccer"})[0]
        self.source = builders.a_source()
        self.book = Book.objects.create(
            code="pinnacle", name="Pinnacle", kind="BOOKMAKER", reference_rank=1
        )
        for code in codes:
            competition = Competition.objects.create(sport=sport, code=code, name=code)
            season = Season.objects.create(competition=competition, label="2023-24")
            sides = [
                Participant.objects.create(sport=sport, name=f"{code}{number}")
                for number in range(SIDES)
            ]
            pairs: dict[tuple[int, int], int] = {}
            for week in range(8):
                self.random.shuffle(sides)
                for home, away in zip(sides[::2], sides[1::2], strict=True):
                    leg = pairs[home.pk, away.pk] = pairs.get((home.pk, away.pk), 0) + 1
                    event = Event(
                        competition=competition, season=season, home=home, away=away, leg=leg,
                        starts_at=START + 7 * week * DAY, name=f"{home} v {away}",
                    )  # fmt: skip
                    self.events.append(event)
        Event.objects.bulk_create(self.events)
        markets = [Market(event=event, kind="MATCH_ODDS") for event in self.events]
        Market.objects.bulk_create(markets)
        for market in markets:
            self.selections[market.event_id] = [
                Selection(market=market, role=role, name=role) for role in ROLES
            ]
        Selection.objects.bulk_create([one for row in self.selections.values() for one in row])
        return self

    def go_on(self, days: int = 7) -> None:
        """Let some days pass: what falls into them happens, and some older things change."""
        until = self.now + days * DAY
        for event in self.events:
            if self.now <= event.starts_at < until:
                self._price(event, event.starts_at - 2 * DAY)
                self._tell(event, event.starts_at + 2 * timedelta(hours=1))
        for event in self.random.sample(self.events, 3):
            self._change(event, until)
        self._write()
        self.now = until

    def tell(self, event: Event, known_at: datetime, status: str = "FINAL") -> None:
        self._tell(event, known_at, status)
        self._write()

    def price(self, event: Event, seen_at: datetime, fetched_at: datetime | None = None) -> None:
        self._price(event, seen_at, fetched_at)
        self._write()

    def _write(self) -> None:
        Result.objects.bulk_create(self.results)
        PriceSnapshot.objects.bulk_create(self.prices, ignore_conflicts=True)
        self.results, self.prices = [], []

    def _change(self, event: Event, at: datetime) -> None:
        last = self._versions(event)
        what = self.random.choice(["correct", "withdraw", "move", "price"])
        if what == "correct" and last:
            self._tell(event, at - DAY)
        elif what == "withdraw" and last:
            self._tell(event, at - DAY, status="WITHDRAWN")
        elif what == "move" and event.starts_at > at + 3 * DAY:
            before, event.starts_at = event.starts_at, event.starts_at + DAY
            event.save(update_fields=["starts_at"])
            EventChange.objects.create(
                event=event, field="starts_at", before=str(before), after=str(event.starts_at),
                known_at=at - DAY,
            )  # fmt: skip
        elif what == "price":
            seen_at = event.starts_at - timedelta(hours=self.random.randint(30, 50))
            self._price(event, seen_at, fetched_at=at)

    def _versions(self, event: Event) -> int:
        return event.results.count() + sum(told.event_id == event.pk for told in self.results)

    def _tell(self, event: Event, known_at: datetime, status: str = "FINAL") -> None:
        is_final = status == "FINAL"
        told = Result(
            event=event, version=self._versions(event) + 1, status=status,
            home_score=self.random.randint(0, 4) if is_final else None,
            away_score=self.random.randint(0, 4) if is_final else None,
            known_at=known_at, recorded_at=known_at, source=self.source,
        )  # fmt: skip
        self.results.append(told)

    def _price(self, event: Event, seen_at: datetime, fetched_at: datetime | None = None) -> None:
        self.prices += [
            PriceSnapshot(
                selection=selection, book=self.book, seen_at=seen_at,
                price=Decimal(self.random.randint(1100, 9000)) / 1000,
                fetched_at=fetched_at or seen_at,
            )
            for selection in self.selections[event.pk]
        ]  # fmt: skip
