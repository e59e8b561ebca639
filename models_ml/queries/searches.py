"""Searches that nothing carries on any more."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from models_ml.models import Search, SearchTrial
from monitoring.models import TaskRun


class Stalled(NamedTuple):
    """A search under way of which no run waits or works, and since when none does."""

    search: Search
    since: datetime


def stalled(*, step: str, trial: str, patience: timedelta, now: datetime) -> list[Stalled]:
    """Return searches that no run has carried on for so long, the oldest first.

    ``step`` and ``trial`` are the tasks that do: a run of the first names its search, a run of
    the second one of its trials.  A search whose run waits or works is a matter of the queue and
    of lost runs.  Takes three queries.
    """
    searches = list(
        Search.objects.filter(state=Search.State.RUNNING)
        .select_related("pipeline")
        .order_by("began_at", "pk")
    )
    trials = dict(
        SearchTrial.objects.filter(search__in=searches, run__isnull=False).values_list(
            "run", "search_id"
        )
    )
    runs = TaskRun.objects.filter(
        Q(task=trial, pk__in=list(trials))
        | Q(task=step, arguments__search__in=[search.pk for search in searches])
    ).values_list("pk", "arguments__search", "state", "finished_at", "created_at")
    latest = {search.pk: search.began_at for search in searches}
    for pk, named, state, finished_at, created_at in runs:
        search = trials.get(pk, named)
        lasts = now if state in TaskRun.LIVE else finished_at or created_at
        latest[search] = max(latest[search], lasts)
    return [
        Stalled(search, latest[search.pk])
        for search in searches
        if now - latest[search.pk] >= patience
    ]
