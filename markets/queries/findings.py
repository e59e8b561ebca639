"""Findings about the quality of the data: which are open, how many of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Min, Q, QuerySet

from markets.domain import quality
from markets.models import QualityFinding
from monitoring import thresholds

OPEN = Q(resolved_at=None)


def dismissed(*, now: datetime) -> Q:
    """Return the condition of what somebody accepted, as it holds now."""
    lasts = Q(dismissed_until=None) | Q(dismissed_until__gt=now)
    return Q(dismissed_at__isnull=False) & lasts


def to_see(*, now: datetime) -> QuerySet[QualityFinding]:
    """Return the findings that somebody should look at, the newest first."""
    found = QualityFinding.objects.filter(OPEN).exclude(dismissed(now=now))
    return found.select_related("season__competition", "event", "book").order_by("-pk")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings of one rule are open: ``n`` that nobody dismissed, since when."""

    rule: quality.Rule
    n: int
    dismissed: int
    simulated: int  # of n
    since: datetime | None
    tolerated: int | None  # before somebody is told; None: any number

    @property
    def is_above(self) -> bool:
        """Say whether somebody should be told."""
        return self.tolerated is not None and self.n > self.tolerated


def tallies(*, now: datetime) -> list[Tally]:
    """Return the tally of each rule, also where nothing is wrong; one query."""
    seen = ~dismissed(now=now)
    rows: Mapping[str, tuple[int, int, int, datetime | None]] = {
        kind: (n, every - n, simulated, since)
        for kind, every, n, simulated, since in QualityFinding.objects.filter(OPEN)
        .values_list("kind")
        .annotate(
            every=Count("pk"),
            n=Count("pk", filter=seen),
            simulated=Count("pk", filter=seen & Q(season__competition__is_simulated=True)),
            since=Min("found_at", filter=seen),
        )
        .values_list("kind", "every", "n", "simulated", "since")
    }
    return [
        Tally(rule, *rows.get(kind, (0, 0, 0, None)), tolerated=_tolerated(rule))
        for kind, rule in quality.RULES.items()
    ]


def _tolerated(rule: quality.Rule) -> int | None:
    return None if rule.alert_above is None else thresholds.whole(rule.alert_above)


def listed(
    *,
    now: datetime,
    kinds: list[str] | None = None,
    competition_id: int | None = None,
    season_id: int | None = None,
    with_dismissed: bool = False,
) -> QuerySet[QualityFinding]:
    """Return the open findings of these rules, of one competition or season."""
    found = to_see(now=now) if not with_dismissed else QualityFinding.objects.filter(OPEN)
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    if competition_id is not None:
        found = found.filter(season__competition_id=competition_id)
    if season_id is not None:
        found = found.filter(season_id=season_id)
    return found.order_by("kind", F("value").desc(nulls_last=True), "pk")
