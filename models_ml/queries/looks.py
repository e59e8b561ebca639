"""What became of a ladder's looks, what is due next, and what was missed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q, QuerySet

from models_ml.models import Ladder, StageLook

State = StageLook.State


@dataclass(frozen=True, slots=True)
class Tally:
    """How many looks of a stage are due and were taken, and when the next one is due."""

    due: int = 0
    done: int = 0
    late: int = 0
    missed: int = 0
    skipped: int = 0
    next_due: datetime | None = None


def tallies(*, ladder: Ladder, since: datetime) -> dict[str, Tally]:
    """Return each stage's tally of events that started since then, or will; one query."""
    states = (State.DUE, State.DONE, State.LATE, State.MISSED, State.SKIPPED)
    counts = {state.lower(): Count("pk", filter=Q(state=state)) for state in states}
    rows = (
        _looks(ladder)
        .filter(event__starts_at__gte=since)
        .values("stage")
        .annotate(**counts, next_due=Min("due_at", filter=Q(state=State.DUE)))
        .order_by("stage")
        .values_list("stage", *counts, "next_due")
    )
    return {stage: Tally(*tally) for stage, *tally in rows}


def next_due(*, ladder: Ladder) -> QuerySet[StageLook]:
    """Return what is still to be looked at, the earliest first."""
    return _looks(ladder).filter(state=State.DUE).order_by("due_at", "pk")


def missed(*, ladder: Ladder, since: datetime) -> QuerySet[StageLook]:
    """Return what nobody looked at of events that started since then, or will; newest first."""
    rows = _looks(ladder).filter(state=State.MISSED, event__starts_at__gte=since)
    return rows.order_by("-due_at", "-pk")


def _looks(ladder: Ladder) -> QuerySet[StageLook]:
    return StageLook.objects.filter(
        event__competition__sport_id=ladder.sport_id,
        event__competition__is_simulated=ladder.is_simulated,
    ).select_related("event__competition")
