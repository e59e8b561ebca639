"""Runners of races that somebody else's records name: which race each belongs to.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_NOON = time(12)
_APART = timedelta(minutes=10)  # races that share a number are told apart by their assumed start


@dataclass(frozen=True, slots=True)
class ToldRunner:
    """One runner of one market as a publisher tells it; ids are the publisher's own."""

    sport: str
    country: str
    track: str
    day: date
    race: int
    market: str  # WIN or PLACE
    market_id: str
    runner_id: str
    runner: str
    number: int | None = None
    zone: str = "UTC"


RaceKey = tuple[str, str, str, date, int, int]


def races(runners: Iterable[ToldRunner]) -> dict[str, RaceKey]:
    """Return by market id which race it is on: the last number counts those that share a number.

    A race has one market of a kind.  Where a day's programme of one track tells a number twice
    (another code of racing at the same track, a slip of the pen), each further market of the same
    kind is a race of its own.

    >>> told = [ToldRunner("horse_racing", "AU", "Ascot", date(2025, 1, 1), 4, kind, key, "7", "X")
    ...         for kind, key in (("WIN", "1.1"), ("PLACE", "1.2"), ("WIN", "1.3"))]
    >>> [key[-1] for key in races(told).values()]
    [0, 0, 1]
    """
    found: dict[str, RaceKey] = {}
    taken: dict[tuple[object, ...], int] = {}
    for told in runners:
        if told.market_id in found:
            continue
        where = (told.sport, told.country, told.track.lower(), told.day, told.race)
        nth = taken.get((*where, told.market), 0)
        taken[(*where, told.market)] = nth + 1
        found[told.market_id] = (*where, nth)
    return found


def assumed_start(*, day: date, zone: str, race: int, nth: int) -> datetime:
    """Return noon of the day by the track's clocks; of a further race with this number, later.

    >>> assumed_start(day=date(2025, 1, 1), zone="Australia/Melbourne", race=4, nth=0).isoformat()
    '2025-01-01T01:00:00+00:00'
    >>> assumed_start(day=date(2025, 1, 1), zone="Australia/Melbourne", race=4, nth=1).isoformat()
    '2025-01-01T01:40:00+00:00'
    """
    noon = datetime.combine(day, _NOON, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return noon if not nth else noon + _APART * race + timedelta(minutes=3) * (nth - 1)
