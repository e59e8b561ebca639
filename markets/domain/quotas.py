"""How far a source's quota will last.  Pure."""

from calendar import monthrange
from datetime import datetime, timedelta

LOW_SHARE = 0.9  # of the limit, used
LOW_LEFT = 100  # requests
SLOWER = 4  # times the cadence while the quota is low


def is_low(*, limit: int | None, used: int | None, remaining: int | None) -> bool:
    """Say whether nine tenths are used, or fewer than a hundred requests are left.

    >>> is_low(limit=20_000, used=18_000, remaining=2_000)
    True
    >>> is_low(limit=500, used=401, remaining=99), is_low(limit=500, used=400, remaining=100)
    (True, False)
    >>> is_low(limit=None, used=None, remaining=None)
    False
    """
    if remaining is not None and remaining < LOW_LEFT:
        return True
    return bool(limit) and used is not None and used >= LOW_SHARE * (limit or 0)


def resets_at(*, told: datetime | None, now: datetime) -> datetime:
    """Return when a quota begins anew: as told, else with the next month.

    >>> from datetime import UTC
    >>> resets_at(told=None, now=datetime(2026, 12, 5, 8, tzinfo=UTC)).isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    if told is not None and told > now:
        return told
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first + timedelta(days=monthrange(now.year, now.month)[1])


def forecast(*, used: int, limit: int, now: datetime, ends_at: datetime) -> float:
    """Return the share of the limit that is used by its end, at the pace of its month so far.

    The first day counts whole, so that an early start is no alarm.

    >>> from datetime import UTC
    >>> forecast(used=100, limit=500, now=datetime(2026, 11, 11, tzinfo=UTC),
    ...          ends_at=datetime(2026, 12, 1, tzinfo=UTC))
    0.6
    """
    days = monthrange((ends_at - timedelta(days=1)).year, (ends_at - timedelta(days=1)).month)[1]
    left = max((ends_at - now) / timedelta(days=1), 0.0)
    passed = max(days - left, 1.0)
    return round(used / passed * (passed + left) / limit, 4) if limit else 0.0
