"""The numbers of the rules of data quality: what is believed, how long is waited.

They are set so that what real publishers tell of real events stays quiet; see docs/quality.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markets.domain import kinds
from monitoring.domain.thresholds import Threshold, declare

Read = Callable[[Threshold], float]

#: So many flaws of one rule are named at a look, the worst first; the rest is counted.
NAMED_AT_MOST = 500

AHEAD = declare(
    "markets.quality-ahead", 7, "days",
    "Events that begin within so many days are looked at by the rules of what is open.",
    lowest=0.1, highest=365,
)  # fmt: skip
STALE_CADENCES = declare(
    "markets.quality-stale-cadences", 3, "cadences",
    "A price is stale after so many cadences of the slowest source that tells of its event.",
    lowest=1, highest=1000,
)  # fmt: skip
STALE_LEAGUE_HOURS = declare(
    "markets.quality-stale-league-hours", 15, "hours",
    "A simulated book's price is stale after so many hours of its league's calendar.",
    lowest=1, highest=720,
)  # fmt: skip
TOGETHER = declare(
    "markets.quality-together", 5, "min",
    "Prices of one book on one market that were confirmed this near each other are of one look.",
    lowest=0.1, highest=1440,
)  # fmt: skip
FROZEN_AFTER = declare(
    "markets.quality-frozen-after", 2, "hours",
    "A price that was confirmed but unchanged for so long may be frozen.",
    lowest=0.1, highest=168,
)  # fmt: skip
FROZEN_BOOKS = declare(
    "markets.quality-frozen-books", 3, "books",
    "A price is frozen only when so many other books moved meanwhile.",
    lowest=1, highest=100, is_whole=True,
)  # fmt: skip
FROZEN_MOVE = declare(
    "markets.quality-frozen-move", 0.04, "probability",
    "A price is frozen only when the other books moved by so much.",
    lowest=0.001, highest=0.5,
)  # fmt: skip
ARBITRAGE = declare(
    "markets.quality-arbitrage", 0.05, "share",
    "Books contradict each other when their best prices leave more sure profit than this.",
    lowest=0, highest=1,
)  # fmt: skip
MONOTONE_SLACK = declare(
    "markets.quality-monotone-slack", 0.01, "probability",
    "A ladder of lines may be out of order by so much.",
    lowest=0, highest=0.5,
)  # fmt: skip
DUPLICATE_WITHIN = declare(
    "markets.quality-duplicate-within", 12, "hours",
    "Two events of the same sides this near each other are one event told twice.",
    lowest=0, highest=168,
)  # fmt: skip
TWICE_WITHIN = declare(
    "markets.quality-twice-within", 2, "hours",
    "Nobody plays two events that begin this near each other.",
    lowest=0, highest=48,
)  # fmt: skip
RESULT_AFTER = declare(
    "markets.quality-result-after", 6, "hours",
    "An event without a result so long after its start is told.",
    lowest=0.5, highest=720,
)  # fmt: skip
RESULT_AFTER_AT_LEAST = declare(
    "markets.quality-result-after-at-least", 5, "min",
    "However fast a simulated calendar runs, a result is waited for so long.",
    lowest=0, highest=1440,
)  # fmt: skip
STARTS_APART = declare(
    "markets.quality-starts-apart", 15, "min",
    "Sources that tell starts further apart than this disagree about the start.",
    lowest=0, highest=1440,
)  # fmt: skip
SEASON_OVER_AFTER = declare(
    "markets.quality-season-over-after", 21, "days",
    "A season this long without an event is over: its matches are counted.",
    lowest=1, highest=365,
)  # fmt: skip
ROUND_ROBIN_SHARE = declare(
    "markets.quality-round-robin-share", 0.6, "share",
    "From this share of all pairings on, a league is held to play everybody home and away.",
    lowest=0.1, highest=1,
)  # fmt: skip
FEWEST_TEAMS = declare(
    "markets.quality-fewest-teams", 8, "sides",
    "A league of fewer sides is not held to play everybody home and away.",
    lowest=2, highest=100, is_whole=True,
)  # fmt: skip
#: In sports where sides play twice a day.
DUPLICATE_WITHIN_OF: Mapping[str, Threshold] = {
    "baseball": declare(
        "markets.quality-duplicate-within-baseball", 2, "hours",
        "In baseball, where sides meet twice a day: two such events this near each other are one.",
        lowest=0, highest=168,
    ),
}  # fmt: skip


def _result_after(sport: str, days: float) -> Threshold:
    return declare(
        f"markets.quality-result-after-{sport}", days, "days",
        f"In {sport}, an event without a result so long after its start is told.",
        lowest=0.1, highest=60,
    )  # fmt: skip


#: In sports whose events last longer, or are interrupted.
RESULT_AFTER_OF: Mapping[str, Threshold] = {
    sport: _result_after(sport, days)
    for sport, days in (("tennis", 1.5), ("cricket", 7), ("golf", 6))
}


def tolerated(kind: str, default: int) -> Threshold:
    """Declare how many open findings of a rule are tolerated before somebody is told."""
    return declare(
        f"markets.quality-{kind}-tolerated", default, "findings",
        "Somebody is told where more findings of this rule than these are open.",
        lowest=0, highest=NAMED_AT_MOST - 1, is_whole=True,
    )  # fmt: skip


def _highest(which: str, default: float, what: str) -> Threshold:
    return declare(
        f"markets.overround-{which}-highest", default, "share",
        f"A margin above this is a flaw: of {what}.",
        lowest=0, highest=10,
    )  # fmt: skip


def _lowest(which: str, default: float, what: str) -> Threshold:
    return declare(
        f"markets.overround-{which}-lowest", default, "share",
        f"A margin below this is a flaw: of {what}.",
        lowest=-1, highest=1,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Range:
    """Which overrounds are believed; None: any on that side."""

    low: Threshold | None
    high: Threshold | None


_BOOK = _lowest("book", 0, "a bookmaker's market")
_TWO_WAY = Range(_BOOK, _highest("two-way", 0.15, "two answers"))
_THREE_WAY = Range(_BOOK, _highest("three-way", 0.20, "three answers"))
_RUNNERS = Range(_BOOK, _highest("runners", 0.80, "a race's runners"))
_OUTRIGHT = Range(_BOOK, _highest("outright", 2, "who wins or leads in the end"))
#: One book's sum of 1/price less 1, or less what comes true at once divided by that number.
_BOOKMAKER: Mapping[str, Range] = {
    **{kind: _TWO_WAY for kind, roles in kinds.ROLES.items() if len(roles) == 2},
    "MATCH_ODDS": _THREE_WAY,
    "DOUBLE_CHANCE": _THREE_WAY,
    "PLAYER_TOTAL": Range(_BOOK, _highest("player", 0.25, "a player's total")),
    "WIN": _RUNNERS,
    "PLACE": _RUNNERS,
    "OUTRIGHT": _OUTRIGHT,
    "PLAYER_LEADER": _OUTRIGHT,
}
# What backers are offered; where few offer anything it may be far from fair.
_EXCHANGE = Range(_lowest("exchange", -0.02, "what backers are offered at an exchange"), None)
# The best of many books may be a sure profit by a little, and last trades are of many moments.
_BEST = _lowest("best", -0.12, "the best or mean prices of many books")
_BEST_RUNNERS = _lowest("best-runners", -0.15, "the best or mean prices of runners")
_STARTING = Range(
    _lowest("starting", -0.15, "starting and rated prices"),
    _highest("starting", 0.25, "starting and rated prices"),
)
_OVERROUNDS: Mapping[str, Mapping[str, Range]] = {
    "BOOKMAKER": _BOOKMAKER,
    "EXCHANGE": dict.fromkeys(_BOOKMAKER, _EXCHANGE),
    "AGGREGATE": {
        kind: Range(_BEST_RUNNERS if kind in kinds.RUNNER_KINDS else _BEST, one.high)
        for kind, one in _BOOKMAKER.items()
    },
    "STARTING": dict.fromkeys(_BOOKMAKER, _STARTING),
    "RATED": dict.fromkeys(_BOOKMAKER, _STARTING),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """One row of what the database compares with: a kind of market at a kind of book."""

    kind: str
    book_kind: str
    low: float
    high: float
    answers: int  # 0: as many as run
    sums_to: int  # 0: its number of places


def bounds(*, read: Read) -> Sequence[Bounds]:
    """Return every range as a row, as its thresholds are now; open sides are infinite."""
    return [
        Bounds(
            kind,
            book_kind,
            float("-inf") if one.low is None else read(one.low),
            float("inf") if one.high is None else read(one.high),
            kinds.answers(kind=kind),
            kinds.sums_to(kind=kind) or 0,
        )
        for book_kind, ranges in _OVERROUNDS.items()
        for kind, one in ranges.items()
    ]
