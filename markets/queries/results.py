"""Results that wait for a person, and what a result's page shows."""

from collections.abc import Iterable

from django.db.models import QuerySet

from markets.models import ResultDispute


def open_disputes() -> QuerySet[ResultDispute]:
    """Return the disputes that nobody has resolved, oldest first."""
    return (
        ResultDispute.objects.filter(state=ResultDispute.State.OPEN)
        .select_related("event__competition", "source", "standing__source")
        .order_by("told_at", "pk")
    )


def held_events(*, event_ids: Iterable[int]) -> set[int]:
    """Return those of the events by which nobody is paid, because a result is disputed."""
    rows = open_disputes().filter(event_id__in=list(event_ids))
    return set(rows.order_by().values_list("event_id", flat=True))
