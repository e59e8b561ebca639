"""What counts as a flaw in the data, how bad each kind is, and what to do about it.  Pure.

The thresholds are data: ``queries.quality`` hands them to the database, which compares.  They
are set so that what real publishers tell of real events stays quiet; see docs/quality.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markets.domain import kinds
from monitoring.domain.findings import Severity

#: A rule looks at what is open now, or at whole seasons however long they are over.
NOW, HISTORY = "now", "history"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of flaw.

    Attributes:
        reach: NOW judges events that have not begun; HISTORY those of a span, or all.
        alert_above: so many open findings are tolerated before somebody is told; None: any
            number, they are listed alone.
        act: what an operator should do.
    """

    kind: str
    title: str
    severity: Severity
    reach: str
    alert_above: int | None
    act: str


RULES: Mapping[str, Rule] = {
    rule.kind: rule
    for rule in (
        Rule(
            "overround", "Margin out of range", Severity.P3, NOW, 10,
            "Compare with the book's own page: one leg is mapped to the wrong selection, or a"
            " price is mistyped. Switch the book off while it lasts.",
        ),
        Rule(
            "closing-overround", "Closing margin out of range", Severity.P4, HISTORY, None,
            "Leave the book's close out of what is measured by it; the publisher's file shows"
            " whether it is his slip or ours.",
        ),
        Rule(
            "missing-selection", "Answer missing", Severity.P3, NOW, 20,
            "Look at the payload: a draw that is not told makes a three-way market two-way. A"
            " book that has suspended one answer comes back by itself.",
        ),
        Rule(
            "stale-price", "Stale price", Severity.P2, NOW, 20,
            "The source is read and this book or event is not in it any more: see whether the"
            " book left the source, or the event its list. Disable the book if it stays away.",
        ),
        Rule(
            "frozen-price", "Frozen price under a fresh stamp", Severity.P2, NOW, 0,
            "The book stands still while the others moved: its feed repeats an old answer. Do not"
            " bet at it; disable the book until it moves again.",
        ),
        Rule(
            "crossed-ladder", "Crossed offers", Severity.P2, NOW, 0,
            "An exchange matches such offers at once, so they cannot stand: sides are exchanged"
            " or two moments mixed. Look at the ladder and the payload.",
        ),
        Rule(
            "arbitrage", "Books contradict each other", Severity.P2, NOW, 5,
            "So much sure profit is nearly always a wrong price, line or mapping. Compare the"
            " books named; disable the one that is wrong.",
        ),
        Rule(
            "line-not-monotone", "Ladder of lines out of order", Severity.P3, NOW, 20,
            "An easier line cannot be less likely: a line has the wrong sign, or prices of two"
            " moments stand side by side. Look at the book's lines and the payload.",
        ),
        Rule(
            "no-result", "No result", Severity.P2, HISTORY, 10,
            "Read the source of its results again. An event that was never played as announced:"
            " cancel it.",
        ),
        Rule(
            "season-without-results", "Season without any result", Severity.P4, HISTORY, None,
            "Prices are read of a competition whose results nobody tells: add a source of results,"
            " or accept this with a reason.",
        ),
        Rule(
            "status-odd", "State contradicts the facts", Severity.P2, HISTORY, 0,
            "Live before its start, finished without a result, or open with a final one: two"
            " sources tell of different events under one name. Compare its payloads.",
        ),
        Rule(
            "duplicated-event", "Event twice", Severity.P2, HISTORY, 0,
            "Both rows gather prices and bets. Find out which one its source still tells of;"
            " cancel the other and correct the alias that made it.",
        ),
        Rule(
            "side-twice", "One side in two events at once", Severity.P2, HISTORY, 0,
            "Nobody plays twice within two hours: an alias means the wrong club in one of them.",
        ),
        Rule(
            "start-disagrees", "Sources disagree about the start", Severity.P3, NOW, 5,
            "Look up the official start: bets close by it. Correct the event, and the time zone of"
            " the source that is wrong.",
        ),
        Rule(
            "start-placeholder", "Start at midnight", Severity.P4, NOW, 10,
            "The time of day is not fixed yet. It settles by itself once the source tells it;"
            " until then the close of this event is not exact.",
        ),
        Rule(
            "season-count", "Events of a season missing or too many", Severity.P3, HISTORY, 0,
            "Read the season's file again. A season that was cut short: accept it with a reason.",
        ),
    )
}  # fmt: skip

#: Events this far ahead are looked at by the rules of what is open.
AHEAD = timedelta(days=7)
#: A price is stale after so many cadences of the slowest source that tells of its event …
STALE_CADENCES = 3
#: … or, where books are simulated, after so many hours of their calendar.
STALE_LEAGUE_HOURS = 15
#: Prices of one book on one market that were confirmed this near each other are of one look.
TOGETHER = timedelta(minutes=5)
#: Frozen: unchanged so long, while so many other books moved by so much probability.
FROZEN_AFTER = timedelta(hours=2)
FROZEN_BOOKS, FROZEN_MOVE = 3, 0.04
#: Sure profit over all books' best prices, as a share.
ARBITRAGE = 0.05
#: By so much probability a ladder of lines may be out of order.
MONOTONE_SLACK = 0.01
#: Two events of the same sides this near each other are one; and where they play twice a day.
DUPLICATE_WITHIN = timedelta(hours=12)
DUPLICATE_WITHIN_OF: Mapping[str, timedelta] = {"baseball": timedelta(hours=2)}
TWICE_WITHIN = timedelta(hours=2)
#: A result is due so long after the start.
RESULT_AFTER = timedelta(hours=6)
#: However fast a competition's calendar runs, its source may be out for minutes.
RESULT_AFTER_AT_LEAST = timedelta(minutes=5)
RESULT_AFTER_OF: Mapping[str, timedelta] = {
    "tennis": timedelta(hours=36),
    "cricket": timedelta(days=7),
    "golf": timedelta(days=6),
}
STARTS_APART = timedelta(minutes=15)
#: A season this long without an event is over.
SEASON_OVER_AFTER = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class Range:
    """Which overrounds are believed; None: any on that side."""

    low: float | None
    high: float | None


_TWO_WAY, _THREE_WAY = Range(0.0, 0.15), Range(0.0, 0.20)
#: One book's sum of 1/price less 1, or less what comes true at once divided by that number.
_BOOKMAKER: Mapping[str, Range] = {
    **{kind: _TWO_WAY for kind, roles in kinds.ROLES.items() if len(roles) == 2},
    "MATCH_ODDS": _THREE_WAY,
    "DOUBLE_CHANCE": _THREE_WAY,
    "PLAYER_TOTAL": Range(0.0, 0.25),
    "WIN": Range(0.0, 0.80),
    "PLACE": Range(0.0, 0.80),
    "OUTRIGHT": Range(0.0, 2.0),
    "PLAYER_LEADER": Range(0.0, 2.0),
}
_OVERROUNDS: Mapping[str, Mapping[str, Range]] = {
    "BOOKMAKER": _BOOKMAKER,
    # What backers are offered; where few offer anything it may be far from fair.
    "EXCHANGE": dict.fromkeys(_BOOKMAKER, Range(-0.02, None)),
    # The best of many books may be a sure profit by a little, and last trades are of many moments.
    "AGGREGATE": {
        kind: Range(-0.15 if kind in kinds.RUNNER_KINDS else -0.12, one.high)
        for kind, one in _BOOKMAKER.items()
    },
    "STARTING": dict.fromkeys(_BOOKMAKER, Range(-0.15, 0.25)),
    "RATED": dict.fromkeys(_BOOKMAKER, Range(-0.15, 0.25)),
}


def overround_range(*, kind: str, book_kind: str) -> Range:
    """Return which overrounds are believed of a kind of market at a kind of book.

    >>> overround_range(kind="MATCH_ODDS", book_kind="BOOKMAKER")
    Range(low=0.0, high=0.2)
    >>> overround_range(kind="EACH_WAY", book_kind="BOOKMAKER")
    Range(low=None, high=None)
    """
    return _OVERROUNDS.get(book_kind, {}).get(kind, Range(None, None))


#: Kinds of which a book quotes all answers or none.
WHOLE_KINDS = (
    "MATCH_ODDS", "MONEYLINE", "SPREAD", "ASIAN_HANDICAP", "TOTAL", "BOTH_SCORE", "DRAW_NO_BET",
    "DOUBLE_CHANCE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """One row of what the database compares with: a kind of market at a kind of book."""

    kind: str
    book_kind: str
    low: float
    high: float
    answers: int  # 0: as many as run
    sums_to: int  # 0: its number of places


def bounds() -> Sequence[Bounds]:
    """Return every range as a row; open sides are infinite."""
    return [
        Bounds(
            kind,
            book_kind,
            float("-inf") if one.low is None else one.low,
            float("inf") if one.high is None else one.high,
            kinds.answers(kind=kind),
            kinds.sums_to(kind=kind) or 0,
        )
        for book_kind, ranges in _OVERROUNDS.items()
        for kind, one in ranges.items()
    ]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a season holds: of matches with two sides alone, cancelled ones left out."""

    code: str
    label: str
    teams: int
    matches: int
    pairings: int  # ordered: home and away
    is_over: bool


#: Matches of a whole season, play-offs included: from the season on, at least, at most.
EXPECTED: Mapping[str, Sequence[tuple[str, int, int]]] = {
    "NFL": (("1999", 259, 259), ("2002", 267, 267), ("2020", 269, 269), ("2021", 284, 285)),
    "NBA": (("2003", 1_289, 1_340),),
}
#: From this share of all pairings on, a league plays everybody at home and away.
ROUND_ROBIN_SHARE = 0.6
FEWEST_TEAMS = 8


def expected(tally: Tally) -> tuple[int, int] | None:
    """Return how many matches the season should have, at least and at most; None: unknown.

    A league in which most clubs met each other at home and away, and none twice at one home, is
    a double round robin: n(n - 1).

    >>> expected(Tally("E0", "2023-24", 20, 379, 379, True))
    (380, 380)
    >>> expected(Tally("NFL", "2024", 32, 285, 270, True))
    (284, 285)
    """
    spans = EXPECTED.get(tally.code, ())
    found = [(low, high) for since, low, high in spans if tally.label >= since]
    if found:
        return found[-1]
    whole = tally.teams * (tally.teams - 1)
    is_round_robin = (
        tally.teams >= FEWEST_TEAMS
        and tally.matches <= tally.pairings + tally.teams // 10
        and tally.pairings >= ROUND_ROBIN_SHARE * whole
    )
    return (whole, whole) if is_round_robin else None


def season_flaw(tally: Tally) -> tuple[float, str] | None:
    """Return by how many matches a season is off, and in words; None: it is as expected.

    A season that goes on may lack matches, but never have too many.

    >>> season_flaw(Tally("E0", "2023-24", 20, 379, 379, True))
    (-1.0, '379 matches of 20 sides, 380 expected: 1 missing')
    >>> season_flaw(Tally("E0", "2023-24", 20, 379, 379, False)) is None
    True
    """
    asked = expected(tally)
    if asked is None:
        return None
    low, high = asked
    said = f"{tally.matches} matches of {tally.teams} sides, {low}"
    said += f" to {high} expected" if high > low else " expected"
    if tally.matches > high:
        return float(tally.matches - high), f"{said}: {tally.matches - high} too many"
    if tally.is_over and tally.matches < low:
        return float(tally.matches - low), f"{said}: {low - tally.matches} missing"
    return None
