"""Events to come with a version that serves them, made without training."""

from datetime import datetime, timedelta

from markets.models import Competition, Event, Market, Participant, Season, Selection, Sport
from models_ml.models import ModelVersion, StageLook
from tests.models_ml import registry

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
