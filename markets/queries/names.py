"""Names that nobody has mapped, and how much waits for them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q, QuerySet

from markets.models import Event, ParkedRow, Source, UnknownName


def open_names() -> QuerySet[UnknownName]:
    """Return the names that wait for a decision, those that hold up most first."""
    return (
        UnknownName.objects.filter(state=UnknownName.State.OPEN)
        .select_related("source", "sport", "competition")
        .order_by("-rows", "first_seen_at", "pk")
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits of one source, and since when."""

    source_id: int
    source: str
    code: str
    names: int
    rows: int
    since: datetime | None


def backlogs() -> list[Backlog]:
    """Return the sources with records that wait or names that nobody mapped, in two queries."""
    named = dict(
        UnknownName.objects.filter(state=UnknownName.State.OPEN)
        .values_list("source")
        .annotate(Count("pk"))
    )
    rows = (
        Source.objects.annotate(
            waiting=Count("parked", filter=Q(parked__state=ParkedRow.State.WAITING)),
            since=Min("parked__parked_at", filter=Q(parked__state=ParkedRow.State.WAITING)),
        )
        .filter(Q(waiting__gt=0) | Q(pk__in=named))
        .order_by("code")
    )
    return [
        Backlog(row.pk, row.name, row.code, named.get(row.pk, 0), row.waiting, row.since)
        for row in rows
    ]


def invented(*, sport_id: int | None) -> set[int]:
    """Return the participants of a sport that only ever played in simulated competitions."""
    pairs = (
        Event.objects.filter(competition__sport=sport_id, home__isnull=False)
        .values_list("competition__is_simulated", "home_id", "away_id")
        .distinct()
    )
    found: dict[bool, set[int]] = {True: set(), False: set()}
    for is_simulated, home, away in pairs:
        found[is_simulated] |= {home, away}
    return found[True] - found[False]
