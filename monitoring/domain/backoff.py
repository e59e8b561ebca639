"""How long a failed attempt waits before the next.  Pure: the random number is an argument."""

from datetime import timedelta

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=5)


def delay(*, attempt: int, random: float) -> timedelta:
    """Return the wait after the given attempt (1, 2, ...), ``random`` being in [0, 1).

    The wait doubles each time up to ``LONGEST`` and is spread over half to one and a half of
    it, so that runs that failed together do not come back together.
    Source: exponential back-off with jitter, as in IEEE 802.3 and RFC 9110 practice.

    >>> delay(attempt=1, random=0.5), delay(attempt=3, random=0.5)
    (datetime.timedelta(seconds=5), datetime.timedelta(seconds=20))
    >>> delay(attempt=50, random=0.0)
    datetime.timedelta(seconds=150)
    """
    plain = min(FIRST * 2 ** min(attempt - 1, 16), LONGEST)
    return plain * (0.5 + random)
