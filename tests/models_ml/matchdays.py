"""Events to come with a version that serves them, made without training."""

from datetime import datetime, timedelta

from markets.models import (
    Competition,
    Event,
    Market,
    Participant,
    Result,
    Season,
    Selection,
    Source,
    Sport,
)
from models_ml.domain import features
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import FeatureRow, ModelVersion, StageLook
from tests.models_ml import registry

HOUR = timedelta(hours=1)
ROLES = ("HOME", "DRAW", "AWAY")


def a_competition(*, is_simulated: bool = False, time_scale: float = 1.0) -> Competition:
    sport, _ = Sport.objects.get_or_create(code="soccer", defaults={"name": "Soccer"})
    code = "SIM" if is_simulated else "REAL"
    return Competition.objects.get_or_create(
        code=code,
        defaults={
            "name": code, "sport": sport, "is_simulated": is_simulated, "time_scale": time_scale,
            "country": "", "time_zone": "UTC",
        },
    )[0]  # fmt: skip


def matches(
    *starts: datetime, competition: Competition | None = None, quoted: bool = True
) -> list[Event]:
    """Return matches that start then; every one is played before by its two sides, 2:1."""
    competition = competition or a_competition()
    season, _ = Season.objects.get_or_create(competition=competition, label="2026-27")
    first = Event.objects.filter(competition=competition).count()
    found = []
    for number, starts_at in enumerate(starts, start=first):
        home, away = (
            Participant.objects.get_or_create(
                sport=competition.sport, name=f"{competition.code} {number}{side}"
            )[0]
            for side in "AB"
        )
        event = Event.objects.create(
            competition=competition, season=season, home=home, away=away,
            name=f"{home} – {away}", starts_at=starts_at,
        )  # fmt: skip
        if quoted:
            market = Market.objects.create(event=event, kind="MATCH_ODDS")
            Selection.objects.bulk_create(
                [Selection(market=market, role=role, name=role.title()) for role in ROLES]
            )
        found.append(event)
    return found


def played_before(events: list[Event], *, at: datetime) -> None:
    """Let the sides of each match have met then, with the other at home."""
    source, _ = Source.objects.get_or_create(code="tests", defaults={"name": "Tests"})
    for number, event in enumerate(events):
        before = Event.objects.create(
            competition=event.competition, season=event.season, home=event.away,
            away=event.home, starts_at=at, status="FINISHED", name=f"before {event.name}",
        )  # fmt: skip
        known_at = at + 2 * HOUR / event.competition.time_scale
        Result.objects.create(
            event=before, version=1, status="FINAL", home_score=number % 3, away_score=1,
            source=source, known_at=known_at, recorded_at=known_at,
        )  # fmt: skip


def a_serving_version(*, since: datetime, is_simulated: bool = False) -> ModelVersion:
    """Return a version in production that has learned nothing of what is to come."""
    pipeline = registry.a_pipeline(registry.SIMULATED if is_simulated else registry.REAL)
    return registry.a_candidate(
        pipeline,
        stage=ModelVersion.Stage.PRODUCTION,
        promoted_at=since,
        trained_until=since - timedelta(days=2),
    )


def states(event: Event) -> dict[str, str]:
    """Return what became of each look at an event, the earliest first."""
    rows = StageLook.objects.filter(event=event).order_by("due_at")
    return dict(rows.values_list("stage", "state"))


def speaking(starts_at: datetime) -> FeatureRow:
    """Give the match that starts then a row of its final look in which everything is known."""
    event = Event.objects.get(starts_at=starts_at)
    values = [0.4] * len(SOCCER_V1.features)
    for place, chance in zip(SOCCER_V1.market, (0.5, 0.3, 0.2), strict=True):
        values[place] = chance
    as_of = starts_at - timedelta(minutes=60)
    return FeatureRow.objects.create(
        event=event,
        feature_set=SOCCER_V1.name,
        stage="T-60m",
        as_of=as_of,
        values=values,
        checksum=features.checksum(feature_set=SOCCER_V1.name, as_of=as_of, values=values),
        made_at=as_of,
    )
