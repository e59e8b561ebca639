"""A past interval as it was served: its events, what was looked at, what was said of what."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from markets.domain import kinds
from markets.models import Event, Selection
from models_ml.models import FeatureRow, Pipeline, Prediction


@dataclass(frozen=True, slots=True)
class Asked:
    """A selection that is foretold: of which event, in which place of its market, on which line.

    ``line`` is the market's own, which is home's in a handicap; ``participant`` is a runner's
    or a player's, or that of the side whose total is asked.
    """

    selection_id: int
    event_id: int
    place: int
    line: float | None
    participant_id: int | None
    market_participant_id: int | None
    side: int = 0  # 1: the total of the away side is asked
    places: int = 0  # how many are placed


def events(*, pipeline: Pipeline, since: datetime, until: datetime) -> dict[int, Event]:
    """Return a pipeline's events that started in [since, until), in order of start."""
    rows = Event.objects.filter(
        competition__sport=pipeline.sport_id,
        competition__is_simulated=pipeline.is_simulated,
        starts_at__gte=since,
        starts_at__lt=until,
    ).exclude(status__in=[Event.Status.POSTPONED, Event.Status.CANCELLED])
    return {row.pk: row for row in rows.select_related("competition").order_by("starts_at", "pk")}


def looked_at(
    *, pipeline: Pipeline, stage: str, event_ids: Collection[int]
) -> dict[tuple[int, int], FeatureRow]:
    """Return the live rows of a stage by event and participant, -1 for a match."""
    rows = FeatureRow.objects.filter(
        event__in=event_ids,
        feature_set=pipeline.feature_set,
        stage=stage,
        replay__isnull=True,
        rehearsal__isnull=True,
        statistic=pipeline.statistic,
    )
    return {(row.event_id, row.participant_id or -1): row for row in rows}


def asked(*, pipeline: Pipeline, event_ids: Collection[int]) -> list[Asked]:
    """Return every selection that a pipeline foretells of these events, in order."""
    kind = pipeline.market_kind
    roles = kinds.roles_of(kind)
    rows = Selection.objects.filter(
        market__event__in=event_ids,
        market__kind=kind,
        market__period="FULL",
        market__statistic=pipeline.statistic,
        removed_at__isnull=True,
    ).values_list(
        "pk", "market__event_id", "role", "market__line", "participant_id",
        "market__participant_id", "market__event__away_id", "market__places",
    )  # fmt: skip
    return [
        Asked(
            selection_id=pk,
            event_id=event,
            place=-1 if role == kinds.RUNNER else roles.index(role),
            line=None if line is None else float(line),
            participant_id=participant,
            market_participant_id=whose,
            side=int(whose is not None and whose == away),
            places=places or 0,
        )
        for pk, event, role, line, participant, whose, away, places in rows.order_by(
            "market__event_id", "pk"
        )
        if role in roles
    ]


def served(
    *, pipeline: Pipeline, stage: str, event_ids: Collection[int]
) -> dict[int, tuple[float, int]]:
    """Return what was said live at a stage: selection -> probability and number of the version."""
    rows = Prediction.objects.filter(
        event__in=event_ids,
        version__pipeline=pipeline,
        feature_row__stage=stage,
        feature_row__replay__isnull=True,
        feature_row__rehearsal__isnull=True,
    ).order_by("made_at", "pk")
    return {
        selection: (probability, number)
        for selection, probability, number in rows.values_list(
            "selection_id", "probability", "version__number"
        )
    }
