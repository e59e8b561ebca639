"""A matchday of a league whose hours are minutes: ten matches and three that go otherwise."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from markets.models import Event
from models_ml.models import FeatureRow, ModelVersion, Prediction, StageLook
from models_ml.services import predicting
from tests.models_ml import matchdays

SCALE = 60.0  # a league hour is a minute
HOUR = timedelta(minutes=1)
START = datetime(2024, 11, 23, 15, 0, tzinfo=UTC)
BEGINS, ENDS = START - 26 * HOUR, START + 12 * HOUR
STEP = timedelta(seconds=20)
ORDINARY = 10
MOVED, POSTPONED, MISSED = range(ORDINARY, ORDINARY + 3)
EARLY = START - 6 * HOUR  # when the match begins that nobody looks at in time
DOWN = (EARLY - 2 * HOUR, EARLY + HOUR / 2)  # no worker runs
STAGES = ("T-24h", "T-100m", "T-60m")


def found() -> list[Event]:
    """Make the league, what its sides played before, and a version that serves it."""
    if not ModelVersion.objects.exists():
        matchdays.a_serving_version(since=BEGINS - 48 * HOUR, is_simulated=True)
    league = matchdays.a_competition(is_simulated=True, time_scale=SCALE)
    starts = [START] * (ORDINARY + 2) + [EARLY]
    events = matchdays.matches(*starts, competition=league)
    matchdays.played_before(events, at=BEGINS - 24 * HOUR)
    return events


def moments() -> Iterator[datetime]:
    """Give the moments of the day at which a worker wakes up."""
    now = BEGINS
    while now <= ENDS:
        if not DOWN[0] <= now < DOWN[1]:
            yield now
        now += STEP


def tell(events: list[int], now: datetime) -> None:
    """Let become known what goes otherwise: a start moved, a match put off."""
    if now >= START - 20 * HOUR:
        Event.objects.filter(pk=events[MOVED], starts_at=START).update(starts_at=START + 10 * HOUR)
    if now >= START - 10 * HOUR:
        Event.objects.filter(pk=events[POSTPONED]).update(status="POSTPONED")


def live(events: list[int], since: str = "") -> None:
    """Live the day, or what is left of it."""
    begins = datetime.fromisoformat(since) if since else BEGINS
    for now in moments():
        if now >= begins:
            tell(events, now)
            predicting.predict_due(now=now)


def assert_every_look_is_accounted_for(events: list[int]) -> None:
    """Hold that each stage of each match has one look with one end, and rows and words for it."""
    looks = StageLook.objects.filter(event__in=events)
    assert looks.count() == len(events) * len(STAGES)
    taken = looks.filter(state__in=["DONE", "LATE"])
    rows = FeatureRow.objects.filter(event__in=events)
    assert sorted(taken.values_list("event", "stage", "as_of")) == sorted(
        rows.values_list("event", "stage", "as_of")
    )
    told = Prediction.objects.filter(event__in=events)
    assert told.count() == 3 * rows.count()
    for row in rows:
        assert row.due_at is not None
        assert row.due_at <= row.as_of < row.event.starts_at
