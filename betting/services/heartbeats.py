"""Letting venues know that we are there, so that they take our orders back when we are not.

A venue that has such a watch cancels what it has not matched once it hears nothing for a while:
if every worker dies, no order is left to be matched at a price that nobody looks at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from betting.venues import VENUES
from betting.venues.base import Venue, Watching
from monitoring import thresholds
from monitoring.domain.thresholds import declare
from monitoring.errors import OutsideFailed, Refused
from monitoring.models import Heartbeat
from monitoring.services import beating

SILENCE = declare(
    "betting.heartbeat-silence", 60, "s",
    "A venue that hears nothing of us for so long takes back what it has not matched.",
    lowest=10, highest=300, is_whole=True,
)  # fmt: skip
PREFIX = "venue:"


@dataclass(frozen=True, slots=True)
class Lost:
    """A venue that may not have heard of us, or acted on a silence; ``why`` in words."""

    venue: str
    why: str


def beat(*, now: datetime, venues: Mapping[str, Venue] | None = None) -> dict[str, Any]:
    """Say at every venue that keeps such a watch that we are there, where we bet at all.

    A venue that fails stops none of the others; ``lost_hearts`` tells of it.
    Returns how many heard us, and by name why others did not.
    """
    heard, failed = 0, {}
    for name, venue in _watching(venues or VENUES):
        try:
            heart = venue.keep_alive(seconds=thresholds.whole(SILENCE))
        except (OutsideFailed, Refused) as fault:
            failed[name] = str(fault) or type(fault).__name__
            continue
        heard += 1
        detail = {"acted": heart.acted, "seconds": heart.seconds}
        beating.beat_heart(name=f"{PREFIX}{name}", now=now, detail=detail)
    return {"heard": heard, "failed": failed}


def lost_hearts(*, now: datetime, venues: Mapping[str, Venue] | None = None) -> Iterator[Lost]:
    """Yield the venues we bet at that did not hear of us lately, or acted on a silence."""
    hearts = {heart.name: heart for heart in Heartbeat.objects.filter(name__startswith=PREFIX)}
    for name, _ in _watching(venues or VENUES):
        heart = hearts.get(f"{PREFIX}{name}")
        if heart is None:
            yield Lost(name, "it never heard of us")
            continue
        if _is_silent(heart, now=now):
            yield Lost(name, f"it heard nothing for {int((now - heart.at).total_seconds())} s")
        elif acted := heart.detail.get("acted"):
            yield Lost(name, f"it had heard nothing for too long, and says {acted}")


def is_silent(*, name: str, venue: Venue, now: datetime) -> bool:
    """Tell whether a venue that keeps such a watch did not hear of us in time; it then takes back.

    A venue without one, or one that we do not bet at, is never silent.
    """
    if not (isinstance(venue, Watching) and venue.is_on):
        return False
    heart = Heartbeat.objects.filter(name=f"{PREFIX}{name}").first()
    return heart is None or _is_silent(heart, now=now)


def _is_silent(heart: Heartbeat, *, now: datetime) -> bool:
    seconds = int(heart.detail.get("seconds") or thresholds.whole(SILENCE))
    return now - heart.at > timedelta(seconds=seconds)


def _watching(venues: Mapping[str, Venue]) -> Iterator[tuple[str, Any]]:
    for name, venue in sorted(venues.items()):
        if isinstance(venue, Watching) and venue.is_on:
            yield name, venue
