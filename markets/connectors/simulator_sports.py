"""The simulated leagues of other sports as a source: what is told of a fixture, and when.

Each fixture has a timeline of messages that follows from the seed alone.  Telling a span of time
is telling the messages in it; nothing is remembered but up to when was told.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from markets.connectors.base import (
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedLadder,
    ParsedMarket,
    ParsedNotice,
    ParsedPerson,
    ParsedPrice,
    ParsedResult,
    ParsedRunnerResult,
    ParsedStatistic,
)
from markets.connectors.simulator import books as simulated_books
from markets.connectors.simulator import season_label
from markets.domain import simulation, simulation_games, simulation_races, simulation_sports
from markets.domain.simulation_sports import League, Quoted, Sport, SportSeason
from markets.domain.simulation_timeline import LINEUP, PRICES, RESULT, STATE, Message, timeline

EXCHANGE = "sim-exchange"
PEOPLE = (
    "Ari Lund", "Bo Castell", "Cal Merritt", "Dev Oram", "Eli Strand", "Finn Harker", "Gil Osei",
    "Hal Brandt", "Ivo Calder", "Jed Rowan", "Kit Solberg", "Lev Marsh", "Max Tolland",
    "Ned Farrow", "Oz Pelham", "Pax Weller",
)  # fmt: skip
OTHERS = ("Reyes", "Moreau", "Quinn", "Tanaka")
RACES_A_SEASON = 100  # numbers of a season's races: more than it has


def season_of(league: League, *, seed: int, number: int) -> SportSeason:
    rooms = simulation_races if league.sport is Sport.RACES else simulation_games
    found: SportSeason = rooms.season(league, seed, number)
    return found


@dataclass(slots=True)
class Told:
    """What a span of time brought; ``late`` are copies of older messages, with their time."""

    batch: ParsedBatch
    late: list[tuple[datetime, ParsedBatch]] = field(default_factory=list)


@dataclass(slots=True)
class _Facts:
    events: list[ParsedEvent] = field(default_factory=list)
    markets: list[ParsedMarket] = field(default_factory=list)
    prices: list[ParsedPrice] = field(default_factory=list)
    ladders: list[ParsedLadder] = field(default_factory=list)
    results: list[ParsedResult] = field(default_factory=list)
    notices: list[ParsedNotice] = field(default_factory=list)


class Teller:
    """Tells one season of one league; ``first_start`` is where its calendar begins."""

    def __init__(
        self, *, league: League, seed: int, number: int, first_start: datetime, time_scale: float
    ) -> None:
        self.league, self.seed, self.number = league, seed, number
        self.first_start, self.time_scale = first_start, time_scale
        self.season = season_of(league, seed=seed, number=number)
        self.label = season_label(number)

    def tell(self, *, since: datetime | None, until: datetime) -> Told:
        """Tell what became known after ``since`` and up to ``until``; the calendar first of all.

        Of a fixture that began while nobody listened, only the prices that history keeps.
        """
        facts, late = _Facts(), []
        for fixture in range(len(self.season.hours)):
            messages = self._between(fixture, since, until)
            fresh = [message for message in messages if message.sent is None]
            if fresh or since is None:
                self._tell_fixture(facts, fixture, fresh, since, until)
            for message in messages:
                if message.sent is not None:
                    copy = _Facts([self._event(fixture, message)], results=[
                        self._result(fixture, message)
                    ])  # fmt: skip
                    late.append((self._when(fixture, message.sent), self._batch(copy)))
        return Told(self._batch(facts), late)

    def over_at(self) -> datetime:
        """Return when the next season may be laid: everything of this one is told by then."""
        return self.first_start + self._for(self.league.season_hours)

    def _between(self, fixture: int, since: datetime | None, until: datetime) -> list[Message]:
        planned = self.first_start + self._for(float(self.season.hours[fixture]))
        is_over = since is not None and planned + self._for(simulation_sports.TOLD_WITHIN) < since
        if is_over or planned - self._for(float(simulation_sports.STEPS[0])) > until:
            return []
        trouble = simulation_sports.trouble(self.seed, self.league, self.number, fixture)
        return [
            message
            for message in timeline(league=self.league, trouble=trouble)
            if (at := planned + self._for(message.at)) <= until and (since is None or at > since)
        ]

    def _tell_fixture(
        self,
        facts: _Facts,
        fixture: int,
        messages: list[Message],
        since: datetime | None,
        until: datetime,
    ) -> None:
        states = [m for m in messages if m.what in (STATE, RESULT)]
        last = states[-1] if states else (messages or [Message(0.0, STATE, "SCHEDULED")])[-1]
        facts.events.append(self._event(fixture, last))
        if self.league.sport is Sport.RACES and messages:
            facts.markets += self._race_markets(fixture, until)
        was_away = since is not None and until - since > self._for(2.0)
        is_past = was_away and last.status in ("LIVE", "FINAL", "ABANDONED")
        for message in messages:
            if message.what == PRICES:
                if not is_past or message.step in simulation_sports.KEPT_STEPS:
                    facts.prices += self._prices(fixture, message)
                    facts.ladders += self._ladders(fixture, message)
            elif message.what == LINEUP and self.league.sides:
                facts.notices.append(self._lineup(fixture, message))
            elif message.what == RESULT:
                facts.results.append(self._result(fixture, message))

    def _batch(self, facts: _Facts) -> ParsedBatch:
        league = self.league
        return ParsedBatch(
            events=facts.events,
            prices=facts.prices,
            results=facts.results,
            markets=facts.markets,
            ladders=facts.ladders,
            notices=facts.notices,
            competitions=[
                ParsedCompetition(
                    league.code, league.name, sport=league.sport.value, is_simulated=True,
                    time_scale=self.time_scale,
                )
            ],
            books=[
                *simulated_books(),
                ParsedBook(EXCHANGE, "Clockwork Exchange", "EXCHANGE", is_simulated=True),
            ],
        )  # fmt: skip

    def _event(self, fixture: int, message: Message) -> ParsedEvent:
        starts_at = self._when(fixture, message.start)
        status = message.status or "SCHEDULED"
        is_on = status in ("LIVE", "FINAL", "ABANDONED")
        base: dict[str, Any] = {
            "ref": self._ref(fixture),
            "id": self._ref(fixture),
            "competition": self.league.code,
            "season": self.label,
            "starts_at": starts_at,
            "started_at": starts_at if is_on else None,
            "status": "FINISHED" if status == "FINAL" else status,
        }
        per_round = self.league.per_round
        if self.league.sport is Sport.RACES:
            number = 1 + fixture % per_round
            return ParsedEvent(
                **base,
                round=f"R{number}",
                name=f"{self.league.name} {1 + fixture // per_round}, race {number}",
                meeting_date=self._when(fixture, 0.0).date(),
                race_number=self.number % 300 * RACES_A_SEASON + fixture + 1,
            )
        home, away = self._sides(fixture)
        return ParsedEvent(**base, home=home, away=away, leg=1, round=str(1 + fixture // per_round))

    def _race_markets(self, fixture: int, until: datetime) -> list[ParsedMarket]:
        removed_at = self._when(fixture, -simulation_races.REMOVED_BEFORE)
        assert self.season.runners is not None and self.season.reduction is not None
        people = []
        for at, name in enumerate(self._runners(fixture)):
            reduction = float(self.season.reduction[fixture, at])
            is_removed = not np.isnan(reduction) and removed_at <= until
            people.append(
                ParsedPerson(
                    name, number=at + 1,
                    removed_at=removed_at if is_removed else None,
                    reduction=Decimal(f"{reduction:.2f}") if is_removed else None,
                )
            )  # fmt: skip
        return [
            ParsedMarket(
                self._ref(fixture), quoted.kind, places=quoted.places, runners=people,
                id=f"{self._ref(fixture)}/{quoted.kind}",
            )
            for quoted in self.season.quoted
        ]  # fmt: skip

    def _prices(self, fixture: int, message: Message) -> Iterator[ParsedPrice]:
        seen_at = self._when(fixture, message.at)
        for quoted in self.season.quoted:
            line = None if quoted.line is None else Decimal(str(quoted.line[fixture]))
            of_fixture = (quoted.prices[fixture, message.step] * 1000).round()
            for book, row in zip(simulation_sports.BOOKS, of_fixture.tolist(), strict=True):
                for answer, price in zip(self._answers(fixture, quoted), row, strict=True):
                    if price == price and price <= 1_000_000:  # NaN is not offered
                        yield ParsedPrice(
                            self._ref(fixture), quoted.kind, line,
                            answer if quoted.answers else "RUNNER", book.code,
                            Decimal(int(price)).scaleb(-3), seen_at,
                            participant=self._whose(fixture, quoted), statistic=quoted.statistic,
                            runner="" if quoted.answers else answer,
                        )  # fmt: skip

    def _ladders(self, fixture: int, message: Message) -> Iterator[ParsedLadder]:
        """Yield the order book of each runner to win, around what the sharp book believes."""
        if self.league.sport is not Sport.RACES:
            return
        seen_at = self._when(fixture, message.at)
        fair = 1.0 / self.season.quoted[0].prices[fixture, message.step, 0]
        fair /= np.nansum(fair)
        for at, (name, p) in enumerate(zip(self._runners(fixture), fair.tolist(), strict=True)):
            if p == p:
                sizes = random.Random(f"{self.seed}/{self._ref(fixture)}/{message.step}/{at}")
                yield ParsedLadder(
                    self._ref(fixture), "WIN", name, EXCHANGE, seen_at,
                    back=_offers(p, (1.01, 1.03, 1.05), sizes),
                    lay=_offers(p, (0.99, 0.97, 0.95), sizes),
                    last_traded=_shown(p), matched=_money(sizes, 5_000),
                )  # fmt: skip

    def _lineup(self, fixture: int, message: Message) -> ParsedNotice:
        home, away = self._sides(fixture)
        teams = {side: [self._star(side), *OTHERS] for side in (home, away)}
        return ParsedNotice(
            "LINEUP", f"{self._ref(fixture)}/lineup", f"Line-ups: {home} v {away}",
            published_at=self._when(fixture, message.at), event_ref=self._ref(fixture),
            competition=self.league.code, status="confirmed", data=teams,
            body="; ".join(f"{side}: {', '.join(names)}" for side, names in teams.items()),
        )  # fmt: skip

    def _result(self, fixture: int, message: Message) -> ParsedResult:
        known_at = self._when(fixture, message.known)
        if message.status == "ABANDONED":
            return ParsedResult(self._ref(fixture), "ABANDONED", None, None, known_at=known_at)
        if self.season.order is not None:
            runners = self._came_in(fixture, is_wrong=message.is_wrong)
            return ParsedResult(
                self._ref(fixture), "FINAL", None, None, known_at=known_at, runners=runners
            )
        home, away = self.season.score[fixture].tolist()
        if message.is_wrong:
            return ParsedResult(self._ref(fixture), "FINAL", home + 1, away, known_at=known_at)
        periods = self.season.periods[fixture]
        home_half, away_half = periods.get("H1", (None, None))
        overtime = self.season.had_overtime
        return ParsedResult(
            self._ref(fixture), "FINAL", home, away, home_half, away_half, known_at=known_at,
            periods=periods, had_overtime=overtime[fixture] if overtime else None,
            statistics=list(self._figures(fixture)),
        )  # fmt: skip

    def _came_in(self, fixture: int, *, is_wrong: bool) -> list[ParsedRunnerResult]:
        """Return how each runner came in; told wrong, the first two are exchanged."""
        assert self.season.order is not None and self.season.reduction is not None
        found = []
        for at, name in enumerate(self._runners(fixture)):
            place = int(self.season.order[fixture, at])
            if is_wrong and place in (1, 2):
                place = 3 - place
            reduction = float(self.season.reduction[fixture, at])
            person = ParsedPerson(
                name, number=at + 1, reduction=None if place else Decimal(f"{reduction:.2f}")
            )
            found.append(
                ParsedRunnerResult(
                    person, place or None, place == 1, 0 < place <= simulation_races.PLACES,
                    is_removed=not place,
                )
            )  # fmt: skip
        return found

    def _figures(self, fixture: int) -> Iterator[ParsedStatistic]:
        if self.season.stars is None:
            return
        statistic = simulation_games.POINTS[self.league.sport].statistic
        for side, value in zip(self._sides(fixture), self.season.stars[fixture], strict=True):
            person = ParsedPerson(self._star(side))
            yield ParsedStatistic(person, side, statistic, Decimal(int(value)))

    def _answers(self, fixture: int, quoted: Quoted) -> Iterable[str]:
        return quoted.answers or self._runners(fixture)

    def _whose(self, fixture: int, quoted: Quoted) -> str:
        if not quoted.participant:
            return ""
        side = self._sides(fixture)[quoted.participant == "AWAY"]
        return self._star(side) if quoted.star else side

    def _sides(self, fixture: int) -> tuple[str, str]:
        sides = self.league.sides
        return sides[self.season.home[fixture]], sides[self.season.away[fixture]]

    def _star(self, side: str) -> str:
        """Name a side's best player: nobody plays for two of them."""
        offset = len(self.league.sides) * (self.league.sport is Sport.BASKETBALL)
        return PEOPLE[(self.league.sides.index(side) + offset) % len(PEOPLE)]

    def _runners(self, fixture: int) -> list[str]:
        assert self.season.runners is not None
        return [simulation_races.NAMES[at] for at in self.season.runners[fixture]]

    def _ref(self, fixture: int) -> str:
        return f"{self.league.code}/{self.label}/{fixture}"

    def _when(self, fixture: int, hours: float) -> datetime:
        return self.first_start + self._for(float(self.season.hours[fixture]) + hours)

    def _for(self, hours: float) -> timedelta:
        return simulation.duration(hours, time_scale=self.time_scale)


def _shown(probability: float) -> Decimal:
    price = float(simulation.shown(np.array([min(probability, 0.97)]))[0])
    return Decimal(f"{min(price, 1000.0):.3f}")


def _offers(
    probability: float, factors: tuple[float, ...], sizes: random.Random
) -> list[tuple[Decimal, Decimal]]:
    """Return the best offers first; two that fall on one price are one."""
    found: dict[Decimal, Decimal] = {}
    for factor in factors:
        found.setdefault(_shown(probability * factor), _money(sizes, 400))
    return list(found.items())


def _money(sizes: random.Random, most: int) -> Decimal:
    return Decimal(sizes.randrange(200, most * 100)).scaleb(-2)
