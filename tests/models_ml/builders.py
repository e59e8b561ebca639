"""A world of ``worlds.py`` in the database, and versions trained on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from markets.connectors.base import (
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedPrice,
    ParsedResult,
)
from markets.models import Competition, Event, Source, Sport
from markets.services import recording
from models_ml.models import ModelVersion, Pipeline, Replay
from models_ml.services import pipelines, training
from tests import kept
from tests.models_ml import registry
from tests.models_ml.unfolding import Fixture, Match
from tests.models_ml.worlds import World

QUICK = {"rounds": 30, "patience": 10, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}
ROLES = ("HOME", "DRAW", "AWAY")
MARGIN = 1.04
TABLES = [
    f"markets_{name}"
    for name in [
        "sport",
        "source",
        "competition",
        "season",
        "participant",
        "participantalias",
        "book",
        "event",
        "market",
        "selection",
        "latestprice",
        "pricesnapshot",
        "result",
    ]
]


def moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, tz=UTC)


@dataclass(frozen=True)
class League:
    """A world as it is stored: its competition and its events, in the world's order."""

    world: World
    competition: Competition
    events: list[Event]

    @property
    def ends_at(self) -> datetime:
        return self.events[-1].starts_at + timedelta(days=1)


def a_source(code: str = "tests") -> Source:
    return Source.objects.get_or_create(
        code=code, defaults={"name": "Tests", "creates_names": True}
    )[0]


def a_league(
    world: World,
    *,
    code: str = "T1",
    is_simulated: bool = False,
    without_prices: Iterable[int] = (),
    without_results: Iterable[int] = (),
) -> League:
    """Store a world: prices a day before the start, at the close, and results after.

    ``without_*`` are positions in the world's order.
    """
    silent, open_ = frozenset(without_prices), frozenset(without_results)

    def record() -> None:
        _record(world, code, is_simulated, silent, open_)

    if Sport.objects.exists():
        record()
    else:
        kept.world((tuple(world.matches), code, is_simulated, silent, open_), record, tables=TABLES)
    competition = Competition.objects.get(code=code)
    stored = {
        (e.season.label, e.home.name, e.away.name): e
        for e in Event.objects.filter(competition=competition).select_related(
            "season", "home", "away", "competition"
        )
    }
    events = [
        stored[season_of(f), f"Side {f.home_id}", f"Side {f.away_id}"] for f in world.fixtures
    ]
    return League(world, competition, events)


def _record(
    world: World,
    code: str,
    is_simulated: bool,
    silent: frozenset[int],
    open_: frozenset[int],
) -> None:
    fetched_at = moment(world.fixtures[-1].starts_at) + timedelta(days=2)
    numbered = list(enumerate(zip(world.fixtures, world.matches, strict=True)))
    recording.record(
        batch=ParsedBatch(
            competitions=[ParsedCompetition(code, code, is_simulated=is_simulated)],
            books=[
                ParsedBook("pinnacle", "Pinnacle", reference_rank=1),
            ],
            events=[an_event(i, f, code) for i, (f, _) in numbered],
            prices=[
                price for i, (f, _) in numbered if i not in silent for price in prices_of(i, f)
            ],
            results=[a_result(i, m) for i, (_, m) in numbered if i not in open_],
        ),
        source=a_source(),
        now=fetched_at,
        fetched_at=fetched_at,
    )


def season_of(fixture: Fixture) -> str:
    return f"{2021 + fixture.season_id}-{22 + fixture.season_id}"


def an_event(number: int, fixture: Fixture, code: str) -> ParsedEvent:
    return ParsedEvent(
        ref=str(number),
        competition=code,
        season=season_of(fixture),
        home=f"Side {fixture.home_id}",
        away=f"Side {fixture.away_id}",
        leg=1,
        starts_at=moment(fixture.starts_at),
    )


def prices_of(number: int, fixture: Fixture) -> Sequence[ParsedPrice]:
    starts_at = moment(fixture.starts_at)
    return [
        ParsedPrice(
            event_ref=str(number),
            kind="MATCH_ODDS",
            line=None,
            role=role,
            book="pinnacle",
            price=Decimal(str(round(max(1.01, drift / (MARGIN * p)), 3))),
            seen_at=seen_at,
        )
        for seen_at, drifts in (
            (starts_at - timedelta(hours=26), (1.0, 1.0, 1.0)),
            (starts_at - timedelta(minutes=1), (0.75, 1.0, 1.1)),  # the close is another price
        )
        for role, p, drift in zip(ROLES, fixture.market, drifts, strict=True)
    ]


def a_result(number: int, match: Match) -> ParsedResult:
    return ParsedResult(
        event_ref=str(number),
        status="FINAL",
        home_score=match.home_score,
        away_score=match.away_score,
        known_at=moment(match.known_at),
    )


def a_pipeline(code: str = "soccer-1x2", *, now: datetime, **parameters: Any) -> Pipeline:
    found = {p.code: p for p in pipelines.ensure_default_pipelines(now=now)}[code]
    found.parameters = {**QUICK, **parameters}
    found.save(update_fields=["parameters"])
    return found


def a_version(
    pipeline: Pipeline, *, until: datetime, replay: Replay | None = None, **fields: Any
) -> ModelVersion:
    fields = {"actor": "test", "now": until, **fields}
    return training.train(pipeline=pipeline, until=until, replay=replay, **fields)


def train_each(rows: Sequence[Pipeline], *, until: datetime, **fields: Any) -> training.Trained:
    return training.train_each(pipelines=rows, until=until, actor="test", now=until, **fields)


def a_serving_version(pipeline: Pipeline, *, until: datetime, **fields: Any) -> ModelVersion:
    version = a_version(pipeline, until=until, **fields)
    return registry.promoted(version, now=until)
