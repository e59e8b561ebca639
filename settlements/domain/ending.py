"""How a bet on two sides ended: a period's score, a match given up or broken off.  Pure.

Source: tennis retirements as bet365 (one set) and the Exchange (the match) publish them; bets
decided before an abandonment stand with bet365 and Unibet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from settlements.domain import rules
from settlements.domain.rules import Outcome, UnknownMarket
from settlements.domain.terms import Terms

Score = tuple[int, int]
GIVEN_UP = ("RETIRED", "WALKOVER")
_BY_WINNER = {"HOME": (1, 0), "AWAY": (0, 1), "DRAW": (0, 0)}
_OF_WINNER = ("MATCH_ODDS", "MONEYLINE", "DRAW_NO_BET")
_TWO_WAY = ("MONEYLINE", "SPREAD", "TOTAL", "TEAM_TOTAL")  # what sports with retirements have
_OVERTIME = ("OT", "ET", "SO")


class Waits(Exception):  # no error: the time is not yet
    """What is known settles this bet only later."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A selection of two sides, and what is told of the match.  ``periods``: scores by name."""

    kind: str
    role: str
    line: Decimal | None = None
    period: str = "FULL"
    status: str = "FINAL"
    score: Score | None = None
    half: Score | None = None
    periods: Mapping[str, Sequence[int]] = field(default_factory=dict)
    winner: str = ""
    team: str = ""
    figure: Decimal | None = None
    has_figures: bool = False


def judge(ended: Ended, *, terms: Terms) -> Outcome:
    """Say how a selection did.

    Raises:
        UnknownMarket: no rule covers it, or what it hangs on is not told.

    >>> h1 = Ended(kind="TOTAL", role="OVER", line=Decimal("0.5"), period="H1", score=(3, 1),
    ...            half=(0, 0))
    >>> judge(h1, terms=Terms()).value
    'LOST'
    """
    if ended.status in GIVEN_UP:
        return _given_up(ended, terms)
    if ended.kind == "PLAYER_TOTAL":
        if not ended.has_figures or ended.period != "FULL":
            raise UnknownMarket
        home = away = 0
    else:
        home, away = _needed(ended)
    if ended.kind == "MONEYLINE" and home == away and terms.tie == "LOST":
        return Outcome.LOST
    figure = ended.figure
    if ended.kind == "TEAM_TOTAL":
        figure = _of_team(ended, (home, away))
    return rules.judge(
        kind=ended.kind, role=ended.role, line=ended.line, home=home, away=away, figure=figure
    )


def _needed(ended: Ended) -> Score:
    score = score_of(ended)
    if score is None and ended.period == "FULL" and ended.kind in _OF_WINNER:
        score = _BY_WINNER.get(ended.winner)
    if score is None or ended.status not in ("FINAL", "ABANDONED"):
        raise UnknownMarket
    return score


def score_of(ended: Ended) -> Score | None:
    """Return the score of the bet's period; None where it is not told.

    >>> quarters = {"Q1": [7, 3], "Q2": [0, 3], "Q3": [7, 7], "Q4": [3, 4], "OT": [3, 0]}
    >>> [score_of(Ended("TOTAL", "OVER", period=p, score=(20, 17), periods=quarters))
    ...  for p in ("FULL", "REG", "H1", "H2", "Q3", "SET1")]
    [(20, 17), (17, 17), (7, 6), (13, 11), (7, 7), None]
    """
    whole, told = ended.score, ended.periods
    match ended.period:
        case "FULL":
            return whole
        case "REG":
            if whole is None or not told:
                return None
            beyond = [scored for name, scored in told.items() if name.startswith(_OVERTIME)]
            return _less(whole, _sum(beyond))
        case "H1":
            return _half(ended)
        case "H2":
            half = _half(ended)
            return _less(whole, half) if whole is not None and half is not None else None
        case period:
            return _pair(told[period]) if period in told else None


def _half(ended: Ended) -> Score | None:
    if ended.half is not None:
        return ended.half
    told = ended.periods
    if "H1" in told:
        return _pair(told["H1"])
    return _sum([told["Q1"], told["Q2"]]) if {"Q1", "Q2"} <= told.keys() else None


def _pair(scored: Sequence[int]) -> Score:
    return int(scored[0]), int(scored[1])


def _sum(scores: Sequence[Sequence[int]]) -> Score:
    return sum(int(one[0]) for one in scores), sum(int(one[1]) for one in scores)


def _less(whole: Score, part: Score) -> Score:
    return whole[0] - part[0], whole[1] - part[1]


def _of_team(ended: Ended, score: Score) -> Decimal | None:
    if ended.team not in ("HOME", "AWAY"):
        raise UnknownMarket
    return Decimal(score[0] if ended.team == "HOME" else score[1])


def _given_up(ended: Ended, terms: Terms) -> Outcome:
    """Judge a match that a side gave up: who goes on wins, once enough was played.

    >>> told = {"kind": "MONEYLINE", "role": "HOME", "status": "RETIRED", "winner": "HOME"}
    >>> [judge(Ended(**told, score=score), terms=Terms(sets_needed=needed)).value
    ...  for score, needed in (((1, 0), 1), ((0, 0), 1), ((0, 0), 0), ((1, 1), None))]
    ['WON', 'VOID', 'WON', 'VOID']
    """
    if ended.kind not in _TWO_WAY:
        raise UnknownMarket
    played = sum(ended.score) if ended.score is not None else 0
    needed = terms.sets_needed
    stands = ended.status == "RETIRED" and needed is not None and played >= needed
    if ended.kind != "MONEYLINE" or ended.period != "FULL" or not stands:
        return Outcome.VOID
    return Outcome.WON if ended.winner == ended.role else Outcome.LOST


def decided(ended: Ended) -> Outcome | None:
    """Return how a bet ended that no later goal could have changed; None where one could.

    >>> told = {"kind": "TOTAL", "line": Decimal("2.5"), "score": (2, 1), "status": "ABANDONED"}
    >>> [decided(Ended(role=role, **told)).value for role in ("OVER", "UNDER")]
    ['WON', 'LOST']
    >>> decided(Ended(kind="MATCH_ODDS", role="HOME", score=(2, 1), status="ABANDONED"))
    """
    if ended.period == "H1" and ended.half is not None:
        return judge(ended, terms=Terms())
    if ended.period != "FULL" or ended.score is None:
        return None
    home, away = ended.score
    if ended.kind == "BOTH_SCORE" and home and away:
        return Outcome.WON if ended.role == "YES" else Outcome.LOST
    if ended.kind not in ("TOTAL", "TEAM_TOTAL") or ended.line is None:
        return None
    scored = Decimal(home + away) if ended.kind == "TOTAL" else _of_team(ended, ended.score)
    if scored is None or scored - ended.line < Decimal("0.5"):
        return None
    return Outcome.WON if ended.role == "OVER" else Outcome.LOST
