"""How far a source's quota will last.  Pure."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring.domain.thresholds import declare

LOW_SHARE = declare(
    "markets.quota-low-share", 0.9, "share",
    "A source's quota runs low once this share of it is used: it is told and asked less often.",
    lowest=0.1, highest=1,
)  # fmt: skip
LOW_LEFT = declare(
    "markets.quota-low-left", 100, "requests",
    "A source's quota runs low once fewer requests than this are left.",
    lowest=1, highest=1_000_000, is_whole=True,
)  # fmt: skip
SLOWER = declare(
    "markets.quota-slower", 4, "cadences",
    "A source whose quota runs low is asked again only after so many of its cadences.",
    lowest=1, highest=100,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Low:
    """From where on a quota is low: used by this share, or with fewer requests left."""

    share: float
    left: int


def is_low(*, limit: int | None, used: int | None, remaining: int | None, low: Low) -> bool:
    """Say whether so much of it is used, or so little is left.

    >>> low = Low(share=0.9, left=100)
    >>> is_low(limit=20_000, used=18_000, remaining=2_000, low=low)
    True
    >>> [is_low(limit=500, used=500 - left, remaining=left, low=low) for left in (99, 100)]
    [True, False]
    >>> is_low(limit=None, used=None, remaining=None, low=low)
    False
    """
    if remaining is not None and remaining < low.left:
        return True
    return bool(limit) and used is not None and used >= low.share * (limit or 0)


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
