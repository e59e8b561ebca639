"""The ladder of moments before a start at which an event is looked at."""

from datetime import datetime, timedelta

STAGES: dict[str, timedelta] = {
    "T-24h": timedelta(hours=24),
    "T-100m": timedelta(minutes=100),
    "T-80m": timedelta(minutes=80),
    "T-75m": timedelta(minutes=75),
    "T-60m": timedelta(minutes=60),
}
FINAL_STAGE = "T-60m"


def opens_at(starts_at: datetime, stage: str, time_scale: float = 1.0) -> datetime:
    """Return when a stage opens; a calendar running ``time_scale`` times too fast shortens it.

    >>> from datetime import UTC
    >>> start = datetime(2024, 5, 1, 15, 0, tzinfo=UTC)
    >>> opens_at(start, "T-60m").isoformat()
    '2024-05-01T14:00:00+00:00'
    >>> opens_at(start, "T-60m", 360.0).isoformat()
    '2024-05-01T14:59:50+00:00'

    Raises:
        KeyError: there is no such stage.
    """
    return starts_at - STAGES[stage] / time_scale


def open_stages(starts_at: datetime, *, at: datetime, time_scale: float = 1.0) -> list[str]:
    """Return the stages that are open at a moment, earliest first; none once it has started.

    >>> from datetime import UTC
    >>> start = datetime(2024, 5, 1, 15, 0, tzinfo=UTC)
    >>> open_stages(start, at=datetime(2024, 5, 1, 13, 42, tzinfo=UTC))
    ['T-24h', 'T-100m', 'T-80m']
    >>> open_stages(start, at=start)
    []
    """
    if at >= starts_at:
        return []
    return [stage for stage in STAGES if opens_at(starts_at, stage, time_scale) <= at]
