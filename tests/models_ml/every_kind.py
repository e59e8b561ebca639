"""Versions of every kind of estimator, tiny and quick, and events that they foretell."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from markets.models import (
    Book,
    Competition,
    Event,
    LatestPrice,
    Market,
    Participant,
    PriceSnapshot,
    Season,
    Selection,
    Sport,
)
from models_ml.domain import estimators, feature_sets, splitting
from models_ml.models import ModelVersion, Pipeline
from models_ml.services import ladders, loading, storing
from tests.models_ml import registry, rooms

QUICK = {"rounds": 3, "patience": 2}


@cache
def _fitted(target: str, set_name: str) -> tuple[bytes, str, dict[str, Any], dict[str, Any]]:
    """Return an artefact, its kind, its calibration and golden rows."""
    feature_set = feature_sets.named(set_name)
    random = np.random.default_rng(5)
    n, names = 400, feature_set.names
    values = random.uniform(0.2, 0.8, (n, len(names)))
    if "market_draw" in names:
        market = [names.index(f"market_{role}") for role in ("home", "draw", "away")]
        values[:, market] = random.dirichlet([4, 3, 3], n)
        values[:, names.index("total_line")] = 2.5
    group = np.repeat(np.arange(n // 8), 8)
    winner = (np.arange(n) % 8 == random.integers(0, 8, n // 8)[group]).astype(float)
    labels: dict[str, Any] = {"group": group} if target == "WINNER" else {}
    rows = rooms.examples(
        values,
        home=random.poisson(1.5, n).astype(float),
        away=random.poisson(1.2, n).astype(float),
        figure=random.poisson(20, n).astype(float),
        winner=winner,
        placed=np.maximum(winner, (np.arange(n) % 8 == 3).astype(float)),
        **labels,
    )
    fitted = estimators.fit(
        target=target,
        examples=rows,
        split=splitting.in_time_order(rows.starts),
        feature_set=feature_set,
        parameters={} if target == "WINNER" else QUICK,
        seed=1,
    )
    estimator = estimators.load(
        content=fitted.content, feature_set=feature_set, calibration=fitted.calibration
    )
    golden = loading.golden(estimator=estimator, values=values[:8])
    return fitted.content, fitted.kind, fitted.calibration, golden


def a_version(
    *, sport: str, target: str, feature_set: str, kind: str, since: datetime, statistic: str = ""
) -> ModelVersion:
    """Return a version in production of a pipeline of its own."""
    content, name, calibration, golden = _fitted(target, feature_set)
    row, _ = Sport.objects.get_or_create(code=sport, defaults={"name": sport.title()})
    pipeline = Pipeline.objects.create(
        code=f"{sport}-{kind}".replace("_", "-").lower(),
        sport=row,
        market_kind=kind,
        target=target,
        feature_set=feature_set,
        statistic=statistic,
    )
    ladders.ensure_default_ladders()
    file, sha256 = storing.write(pipeline_code=pipeline.code, number=1, content=content)
    chosen = feature_sets.named(feature_set)
    return ModelVersion.objects.create(
        pipeline=pipeline,
        number=1,
        stage=ModelVersion.Stage.PRODUCTION,
        kind=name,
        estimator_format=1,
        artefact=file,
        artefact_sha256=sha256,
        features=chosen.names,
        features_sha256=chosen.sha256,
        calibration=calibration,
        metrics={"golden": golden, "n": 300},
        trained_from=registry.NOON - timedelta(days=400),
        trained_until=since - timedelta(days=2),
        n_rows=400,
        code_version="c" * 64,
        trained_at=since,
        promoted_at=since,
    )


def a_race(starts_at: datetime, *, runners: int = 6, places: int | None = 3) -> Event:
    """Return a race with a market to win and one to be placed."""
    sport, _ = Sport.objects.get_or_create(code="horse_racing", defaults={"name": "Racing"})
    competition, _ = Competition.objects.get_or_create(
        code="FLEM", defaults={"name": "Flemington", "sport": sport, "time_zone": "UTC"}
    )
    season, _ = Season.objects.get_or_create(competition=competition, label="2026")
    number = Event.objects.filter(competition=competition).count() + 1
    event = Event.objects.create(
        competition=competition, season=season, starts_at=starts_at, race_number=number,
        meeting_date=starts_at.date(), name=f"Flemington R{number}",
    )  # fmt: skip
    win = Market.objects.create(event=event, kind="WIN")
    place = Market.objects.create(event=event, kind="PLACE", places=places)
    for cloth in range(1, runners + 1):
        horse = Participant.objects.create(sport=sport, name=f"Horse {number}.{cloth}")
        Selection.objects.bulk_create(
            Selection(market=m, role="RUNNER", name=horse.name, participant=horse, number=cloth)
            for m in (win, place)
        )
    return event


def lines(event: Event, kind: str, *values: str) -> None:
    """Give a match a market of a kind at each line."""
    roles = ("OVER", "UNDER") if kind == "TOTAL" else ("HOME", "AWAY")
    for value in values:
        market = Market.objects.create(event=event, kind=kind, line=Decimal(value))
        Selection.objects.bulk_create(
            Selection(market=market, role=role, name=role.title(), line=Decimal(value))
            for role in roles
        )


def a_player(event: Event, name: str, line: str, *, quoted_at: datetime) -> Participant:
    """Return a player of whose points a book quotes a line."""
    player = Participant.objects.create(sport=event.competition.sport, name=name)
    market = Market.objects.create(
        event=event, kind="PLAYER_TOTAL", participant=player, statistic="points",
        line=Decimal(line),
    )  # fmt: skip
    book, _ = Book.objects.get_or_create(code="pinnacle", defaults={"name": "Pinnacle"})
    for role in ("OVER", "UNDER"):
        selection = Selection.objects.create(
            market=market, role=role, name=role.title(), line=Decimal(line)
        )
        shown = {"selection": selection, "book": book, "price": Decimal("1.9")}
        PriceSnapshot.objects.create(**shown, seen_at=quoted_at, fetched_at=quoted_at)
        LatestPrice.objects.create(**shown, seen_at=quoted_at, confirmed_at=quoted_at)
    return player
