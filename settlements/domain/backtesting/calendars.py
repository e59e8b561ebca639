"""When what happened in a backtest's days: betting days and weeks, and the mornings bets are paid.

Moments are µs since 1970.
"""

from datetime import UTC, datetime, time, timedelta
from itertools import groupby

import numpy as np
import pandas as pd

from settlements.domain.backtesting.history import NEVER, Ints

SETTLED_AT = time(6, 0, tzinfo=UTC)
_DAY = 86_400_000_000
_FIRST_MONDAY = 4  # 1970 began on a Thursday


def micros(moment: datetime) -> int:
    """Return a moment in µs since 1970, exactly.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    """Return µs since 1970 as a moment.

    >>> moment(1000005).isoformat()
    '1970-01-01T00:00:01.000005+00:00'
    """
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(at))


def days(moments: Ints, *, time_zone: str, time_scale: float = 1.0) -> Ints:
    """Return the number of the betting day that holds each moment: a zone's calendar days.

    Those of a calendar that runs fast are shorter by as much.

    >>> summer = [micros(datetime(2026, 7, 1, hour, 30, tzinfo=UTC)) for hour in (22, 23)]
    >>> np.diff(days(np.array(summer), time_zone="Europe/London")).tolist()
    [1]
    """
    if time_scale != 1.0:
        length = (timedelta(days=1) / time_scale) // timedelta(microseconds=1)
        return np.asarray(moments) // length
    index = pd.DatetimeIndex(np.asarray(moments).astype("datetime64[us]"), tz="UTC")
    local = index.tz_convert(time_zone).tz_localize(None).to_numpy().astype("datetime64[us]")
    return local.astype(np.int64) // _DAY


def weeks(moments: Ints, *, time_zone: str, time_scale: float = 1.0) -> Ints:
    """Return the number of the betting week that holds each moment; it begins on Monday.

    A fast calendar's weeks are seven of its days.
    """
    if time_scale != 1.0:
        return days(moments, time_zone=time_zone, time_scale=time_scale / 7)
    return (days(moments, time_zone=time_zone) - _FIRST_MONDAY) // 7


def next_morning(kick_off: datetime) -> datetime:
    """Return 06:00 UTC of the day after."""
    return datetime.combine(kick_off.astimezone(UTC).date() + timedelta(days=1), SETTLED_AT)


def mornings(*, starts: Ints, as_of: Ints) -> Ints:
    """Return the moments at which somebody who lives these events by their starts pays bets.

    Each kick-off's bets are placed at its ``as_of``; the morning after the first kick-off since
    the last payment is the next, and it has come before a later ``as_of`` that it precedes.

    >>> noon, day = micros(datetime(2026, 3, 1, 12, tzinfo=UTC)), 86_400_000_000
    >>> starts = np.array([noon, noon, noon + 3 * day])
    >>> [moment(at).strftime("%d %H:%M") for at in mornings(starts=starts, as_of=starts - 1)]
    ['02 06:00', '05 06:00']
    """
    found: list[int] = []
    due: int | None = None
    order = np.argsort(starts, kind="stable")
    pairs = zip(np.asarray(starts)[order].tolist(), np.asarray(as_of)[order].tolist(), strict=True)
    for start, batch in groupby(pairs, key=lambda pair: pair[0]):
        asked = max(at for _, at in batch)
        if due is not None and asked >= due:
            found.append(due)
            due = None
        if due is None:
            due = micros(next_morning(moment(start)))
    return np.array(found if due is None else [*found, due], dtype=np.int64)


def paid_at(*, known: Ints, moments: Ints) -> Ints:
    """Return the first payment at or after each result is known; NEVER where there is none.

    >>> paid_at(known=np.array([5, 11, NEVER]), moments=np.array([4, 10])).tolist() == [
    ...     10, NEVER, NEVER]
    True
    """
    place = np.searchsorted(moments, known, side="left")
    return np.append(moments, NEVER)[place]
