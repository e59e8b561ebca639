"""What counts as a flaw in the data, how bad each kind is, and what to do about it.  Pure.

The numbers are thresholds (``quality_limits``): ``queries.quality`` hands them to the database,
which compares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markets.domain.quality_limits import tolerated
from monitoring.domain.findings import Severity
from monitoring.domain.thresholds import Threshold

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
    alert_above: Threshold | None
    act: str


def _rule(
    kind: str, title: str, severity: Severity, reach: str, alert_above: int | None, act: str
) -> Rule:
    """Make a rule; how many findings it tolerates by default is a threshold of its own."""
    above = None if alert_above is None else tolerated(kind, alert_above)
    return Rule(kind, title, severity, reach, above, act)


RULES: Mapping[str, Rule] = {
    rule.kind: rule
    for rule in (
        _rule(
            "overround", "Margin out of range", Severity.P3, NOW, 10,
            "Compare with the book's own page: one leg is mapped to the wrong selection, or a"
            " price is mistyped. Switch the book off while it lasts.",
        ),
        _rule(
            "closing-overround", "Closing margin out of range", Severity.P4, HISTORY, None,
            "Leave the book's close out of what is measured by it; the publisher's file shows"
            " whether it is his slip or ours.",
        ),
        _rule(
            "missing-selection", "Answer missing", Severity.P3, NOW, 20,
            "Look at the payload: a draw that is not told makes a three-way market two-way. A"
            " book that has suspended one answer comes back by itself.",
        ),
        _rule(
            "stale-price", "Stale price", Severity.P2, NOW, 20,
            "The source is read and this book or event is not in it any more: see whether the"
            " book left the source, or the event its list. Disable the book if it stays away.",
        ),
        _rule(
            "frozen-price", "Frozen price under a fresh stamp", Severity.P2, NOW, 0,
            "The book stands still while the others moved: its feed repeats an old answer. Do not"
            " bet at it; disable the book until it moves again.",
        ),
        _rule(
            "crossed-ladder", "Crossed offers", Severity.P2, NOW, 0,
            "An exchange matches such offers at once, so they cannot stand: sides are exchanged"
            " or two moments mixed. Look at the ladder and the payload.",
        ),
        _rule(
            "arbitrage", "Books contradict each other", Severity.P2, NOW, 5,
            "So much sure profit is nearly always a wrong price, line or mapping. Compare the"
            " books named; disable the one that is wrong.",
        ),
        _rule(
            "line-not-monotone", "Ladder of lines out of order", Severity.P3, NOW, 20,
            "An easier line cannot be less likely: a line has the wrong sign, or prices of two"
            " moments stand side by side. Look at the book's lines and the payload.",
        ),
        _rule(
            "no-result", "No result", Severity.P2, HISTORY, 10,
            "Read the source of its results again. An event that was never played as announced:"
            " cancel it.",
        ),
        _rule(
            "season-without-results", "Season without any result", Severity.P4, HISTORY, None,
            "Prices are read of a competition whose results nobody tells: add a source of results,"
            " or accept this with a reason.",
        ),
        _rule(
            "status-odd", "State contradicts the facts", Severity.P2, HISTORY, 0,
            "Live before its start, finished without a result, or open with a final one: two"
            " sources tell of different events under one name. Compare its payloads.",
        ),
        _rule(
            "duplicated-event", "Event twice", Severity.P2, HISTORY, 0,
            "Both rows gather prices and bets. Find out which one its source still tells of;"
            " cancel the other and correct the alias that made it.",
        ),
        _rule(
            "side-twice", "One side in two events at once", Severity.P2, HISTORY, 0,
            "Nobody plays twice at once: an alias means the wrong club in one of them.",
        ),
        _rule(
            "start-disagrees", "Sources disagree about the start", Severity.P3, NOW, 5,
            "Look up the official start: bets close by it. Correct the event, and the time zone of"
            " the source that is wrong.",
        ),
        _rule(
            "start-placeholder", "Start at midnight", Severity.P4, NOW, 10,
            "The time of day is not fixed yet. It settles by itself once the source tells it;"
            " until then the close of this event is not exact.",
        ),
        _rule(
            "season-count", "Events of a season missing or too many", Severity.P3, HISTORY, 0,
            "Read the season's file again. A season that was cut short: accept it with a reason.",
        ),
    )
}  # fmt: skip

#: Kinds of which a book quotes all answers or none.
WHOLE_KINDS = (
    "MATCH_ODDS", "MONEYLINE", "SPREAD", "ASIAN_HANDICAP", "TOTAL", "BOTH_SCORE", "DRAW_NO_BET",
    "DOUBLE_CHANCE",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Leagues:
    """What makes a league play everybody at home and away.

    Attributes:
        share: of all pairings that were played, at least.
        sides: how many play, at least.
    """

    share: float
    sides: int


def expected(tally: Tally, *, leagues: Leagues) -> tuple[int, int] | None:
    """Return how many matches the season should have, at least and at most; None: unknown.

    A league in which most clubs met each other at home and away, and none twice at one home, is
    a double round robin: n(n - 1).

    >>> asked = Leagues(share=0.6, sides=8)
    >>> expected(Tally("E0", "2023-24", 20, 379, 379, True), leagues=asked)
    (380, 380)
    >>> expected(Tally("NFL", "2024", 32, 285, 270, True), leagues=asked)
    (284, 285)
    """
    spans = EXPECTED.get(tally.code, ())
    found = [(low, high) for since, low, high in spans if tally.label >= since]
    if found:
        return found[-1]
    whole = tally.teams * (tally.teams - 1)
    is_round_robin = (
        tally.teams >= leagues.sides
        and tally.matches <= tally.pairings + tally.teams // 10
        and tally.pairings >= leagues.share * whole
    )
    return (whole, whole) if is_round_robin else None


def season_flaw(tally: Tally, *, leagues: Leagues) -> tuple[float, str] | None:
    """Return by how many matches a season is off, and in words; None: it is as expected.

    A season that goes on may lack matches, but never have too many.

    >>> asked = Leagues(share=0.6, sides=8)
    >>> season_flaw(Tally("E0", "2023-24", 20, 379, 379, True), leagues=asked)
    (-1.0, '379 matches of 20 sides, 380 expected: 1 missing')
    >>> season_flaw(Tally("E0", "2023-24", 20, 379, 379, False), leagues=asked) is None
    True
    """
    asked = expected(tally, leagues=leagues)
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
