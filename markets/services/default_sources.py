"""How each source is read unless its operator says otherwise: a row for each that is known."""

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings

_MINUTE = 60
#: JSON and XML are read whole, into about ten times as much memory.
_WHOLE = {"max_bytes": 16_000_000, "max_expanded_bytes": 16_000_000}
_DAY = int(timedelta(days=1).total_seconds())

#: A source without a location is read when somebody names a file, and is never due.
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "football_data": {
        "name": "football-data.co.uk",
        "creates_names": True,
        "time_zone": "Europe/London",
        "cadence_seconds": _DAY // 2,
    },
    "nflverse": {
        "name": "nflverse games",
        "time_zone": "America/New_York",
        "cadence_seconds": _DAY,
    },
    "nfl_lines": {"name": "NFL line changes", "cadence_seconds": 15 * _MINUTE},
    "odds_api": {
        "name": "The Odds API",
        "creates_players": True,
        "credentials": "odds_api",
        "cadence_seconds": 5 * _MINUTE,
        **_WHOLE,
    },
    "betfair_api": {
        "name": "Betfair exchange",
        "namespace": "betfair",
        "creates_players": True,
        "credentials": "betfair",
        "cadence_seconds": _MINUTE,
        **_WHOLE,
    },
    "betfair_stream": {
        "name": "Betfair stream recordings",
        "namespace": "betfair",
        "creates_players": True,
        "cadence_seconds": _DAY,
    },
    "betfair_bsp": {
        "name": "Betfair starting prices",
        "namespace": "betfair",
        "creates_names": True,
        "creates_players": True,
        "time_zone": "Australia/Melbourne",
        "cadence_seconds": _DAY,
    },
    "tennis_data": {
        "name": "tennis-data.co.uk",
        "creates_names": True,
        "creates_players": True,
        "cadence_seconds": _DAY,
    },
    "espn": {"name": "ESPN", "creates_players": True, "cadence_seconds": 10 * _MINUTE, **_WHOLE},
    "pinnacle": {
        "name": "Pinnacle",
        "creates_players": True,
        "cadence_seconds": _MINUTE,
        **_WHOLE,
    },
    "feeds": {
        "name": "News feeds",
        "creates_books": False,
        "cadence_seconds": 10 * _MINUTE,
        **_WHOLE,
    },
    "csv": {"name": "Files by mapping", "cadence_seconds": _DAY},
}


def locations() -> dict[str, str]:
    """Return where the sources are that the environment names a place for."""
    return {"football_data": settings.ENVIRONMENT.football_data_url}
