"""The service levels of sources: how often they may fail, fall silent and be slow.  Pure.

One failure alone breaks no level.  All is of the looks of one day.
"""

from dataclasses import dataclass
from datetime import timedelta

from monitoring.domain.thresholds import declare

STALE_AFTER = declare(
    "markets.source-stale-after", 3, "cadences",
    "A source is stale when it was last read with success so many of its cadences ago.",
    lowest=1, highest=1_000,
)  # fmt: skip
EMPTY_LOOKS = declare(
    "markets.source-empty-looks", 10, "looks",
    "So many looks in a row may find nothing new although something is due; then it is told.",
    lowest=1, highest=10_000, is_whole=True,
)  # fmt: skip
GIVEN_UP_AFTER = declare(
    "markets.result-given-up-after", 14, "days",
    "No result is asked of a source for an event that began longer ago than this.",
    lowest=1, highest=3_650,
)  # fmt: skip
PRICED_AHEAD = declare(
    "markets.prices-owed-ahead", 24, "hours",
    "A source that brings prices owes them for an event that begins within this time.",
    lowest=0.5, highest=720,
)  # fmt: skip
BROUGHT_WITHIN = declare(
    "markets.prices-brought-within", 30, "days",
    "A source that brought a price within this time is one that brings prices.",
    lowest=1, highest=365,
)  # fmt: skip
FAILING_AFTER = declare(
    "markets.source-failing-after", 3, "looks",
    "A source that failed so often in a row opens an incident.",
    lowest=1, highest=1_000, is_whole=True,
)  # fmt: skip
SUCCESS_SHARE = declare(
    "markets.source-success", 0.99, "share",
    "A source of whose looks a smaller share succeeds breaks its service level.",
    lowest=0.01, highest=1,
)  # fmt: skip
PAGED_SHARE = declare(
    "markets.source-paged-success", 0.95, "share",
    "Somebody is called where a smaller share of the looks succeeds and the source fails still.",
    lowest=0.01, highest=1,
)  # fmt: skip
PAGED_LOOKS = declare(
    "markets.source-paged-looks", 5, "looks",
    "Nobody is called about a source's share of success before it was looked at so often.",
    lowest=1, highest=1_000, is_whole=True,
)  # fmt: skip
NEWEST = declare(
    "markets.source-newest-looks", 5, "looks",
    "A source fails still when one of so many newest looks failed.",
    lowest=1, highest=1_000, is_whole=True,
)  # fmt: skip
FAILURES = declare(
    "markets.source-failures", 2, "looks",
    "Fewer failures than this break no service level, however few looks there were.",
    lowest=1, highest=1_000, is_whole=True,
)  # fmt: skip
LOOKS = declare(
    "markets.source-looks", 20, "looks",
    "A source that was looked at less often has no service level to break.",
    lowest=1, highest=1_000, is_whole=True,
)  # fmt: skip
LATENCY_SHARE = declare(
    "markets.source-latency", 0.5, "share",
    "A source is slow when one look in twenty waits longer than this share of its time-out.",
    lowest=0.01, highest=0.95,
)  # fmt: skip
NAMES_WAIT = declare(
    "markets.names-wait", 1, "hours",
    "Records that wait longer than this for a name or an event open an incident.",
    lowest=0, highest=8_760,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Levels:
    """What is asked of a source, and from how many looks on."""

    success: float
    paged_success: float
    paged_looks: int
    failures: int
    looks: int
    latency: float


def is_paged(*, levels: Levels, succeeded: int, total: int, failed_lately: int) -> bool:
    """Say whether so many looks fail, and still do, that somebody is to be called.

    >>> asked = Levels(0.99, 0.95, paged_looks=5, failures=2, looks=20, latency=0.5)
    >>> [is_paged(levels=asked, succeeded=n, total=40, failed_lately=1) for n in (37, 38)]
    [True, False]
    >>> is_paged(levels=asked, succeeded=0, total=40, failed_lately=0)
    False
    """
    return (
        total >= levels.paged_looks
        and total - succeeded >= levels.failures
        and succeeded < levels.paged_success * total
        and failed_lately > 0
    )


def is_failing(*, levels: Levels, succeeded: int, total: int) -> bool:
    """Say whether too small a share of the looks succeeds."""
    failed = total - succeeded
    return (
        total >= levels.looks and failed >= levels.failures and succeeded < levels.success * total
    )


def is_slow(*, levels: Levels, total: int, p95_ms: float | None, timeout: timedelta) -> bool:
    """Say whether one look in twenty waits too long for its answer."""
    if total < levels.looks or p95_ms is None:
        return False
    return timedelta(milliseconds=p95_ms) > levels.latency * timeout
