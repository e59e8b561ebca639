"""Which answer of which market an outcome is, by what its market asks."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from markets.connectors.columns import PriceKey
from markets.connectors.odds_api import codes
from markets.connectors.odds_api.documents import Game, Market, Outcome
from markets.domain import kinds

DRAW = "Draw"
_NAMED_AS = {"Over": "OVER", "Under": "UNDER", "Yes": "YES", "No": "NO"}
_HOME, _AWAY = 1, 2  # stand for the sides' names
_Roles = dict[tuple[str | int, str | int], tuple[str, str]]
_OVER_UNDER: _Roles = {
    ("Over", "Under"): ("OVER", "UNDER"),
    ("Under", "Over"): ("UNDER", "OVER"),
}
_SIDES: _Roles = {(_HOME, _AWAY): ("HOME", "AWAY"), (_AWAY, _HOME): ("AWAY", "HOME")}
_TWO = {
    frozenset(("HOME", "DRAW")): "HOME_DRAW",
    frozenset(("HOME", "AWAY")): "HOME_AWAY",
    frozenset(("DRAW", "AWAY")): "DRAW_AWAY",
}
_DOES = {"Yes": "OVER", "No": "UNDER"}
_HALF = Decimal("0.50")


#: kind, period, line, and the role of each answer
Pair = tuple[str, str, Decimal | None, str, str]


class UnusableOutcome(ValueError):
    """An outcome that answers nothing; says what was expected."""


def key(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    """Return the key of an outcome's price.

    Raises:
        UnusableOutcome, markets.domain.kinds.BadLine: it answers nothing.
    """
    return _SHAPES[asked.shape](game, asked, outcome)


def usual_pair(game: Game, market: Market) -> Pair | None:
    """Return what both answers of a moneyline, a spread or a total mean, as most are written.

    None where anything is unusual: ``key`` judges those one by one.
    """
    home, away = game.home_team, game.away_team
    if not home or not away:
        return None
    one, other = market.outcomes
    first, second = one.name, other.name
    return _usual(
        market.key,
        game.sport_key,
        _HOME if first == home else _AWAY if first == away else first,
        one.point,
        _HOME if second == home else _AWAY if second == away else second,
        other.point,
    )


@lru_cache(maxsize=16_384)
def _usual(
    market_key: str,
    sport_key: str,
    first: str | int,
    point: float | None,
    second: str | int,
    other_point: float | None,
) -> Pair | None:
    """Judge a pair of answers whose sides are told without their names: few are different."""
    asked = None if market_key in codes.LAID else codes.question(market_key, sport_key, False)
    if asked is None or asked.shape not in ("SIDES", "HANDICAP", "TOTAL"):
        return None
    if asked.shape == "TOTAL":
        roles, is_usual = _OVER_UNDER.get((first, second)), point == other_point
    else:
        roles, is_usual = _SIDES.get((first, second)), "HOME" in kinds.ROLES[asked.kind]
    if asked.shape == "HANDICAP":
        is_usual = is_usual and point is not None and other_point == -point
        point = point if first == _HOME else other_point
    if roles is None or not is_usual:
        return None
    try:
        line = None if asked.shape == "SIDES" else _line(asked.kind, point, 1)
    except kinds.BadLine:
        return None
    return asked.kind, asked.period, line, *roles


@lru_cache(maxsize=4_096)
def _line(kind: str, point: float | None, sign: int) -> Decimal | None:
    return kinds.market_line(kind=kind, line=None if point is None else sign * Decimal(str(point)))


def _side(game: Game, name: str) -> str:
    if name == game.home_team:
        return "HOME"
    if name == game.away_team:
        return "AWAY"
    if name == DRAW:
        return "DRAW"
    raise UnusableOutcome(f"an outcome named after a side, not {name[:60]!r}")


def _role(question: codes.Question, name: str, role: str) -> str:
    if role not in kinds.ROLES[question.kind]:
        raise UnusableOutcome(f"an answer that {question.kind} has, not {name[:60]!r}")
    return role


def _sides(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    role = _role(asked, outcome.name, _side(game, outcome.name))
    return game.id, asked.kind, asked.period, None, "", "", role, ""


def _handicap(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    role = _role(asked, outcome.name, _side(game, outcome.name))
    line = _line(asked.kind, outcome.point, 1 if role == "HOME" else -1)
    return game.id, asked.kind, asked.period, line, "", "", role, ""


def _total(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    role = _role(asked, outcome.name, _NAMED_AS.get(outcome.name, ""))
    line = _line(asked.kind, outcome.point, 1)
    return game.id, asked.kind, asked.period, line, "", "", role, ""


def _team_total(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    team = outcome.description or ""
    if team not in (game.home_team, game.away_team):
        raise UnusableOutcome(f"the total of a side, not of {team[:60]!r}")
    role = _role(asked, outcome.name, _NAMED_AS.get(outcome.name, ""))
    line = _line(asked.kind, outcome.point, 1)
    return game.id, asked.kind, asked.period, line, team, "", role, ""


def _player(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    player = " ".join((outcome.description or "").split())
    if not player or outcome.name not in ("Over", "Under"):
        raise UnusableOutcome("over or under of a player's figure")
    line = _line(asked.kind, outcome.point, 1)
    role = _NAMED_AS[outcome.name]
    return game.id, asked.kind, asked.period, line, player, asked.statistic, role, ""


def _leader(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    player = " ".join((outcome.description or "").split())
    if not player or outcome.name != "Yes":
        raise UnusableOutcome("yes to a player being the one")
    return game.id, asked.kind, asked.period, None, "", asked.statistic, kinds.RUNNER, player


def _player_does(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    """Return who does it at all: once or oftener is over one half."""
    player = " ".join((outcome.description or "").split())
    role = _DOES.get(outcome.name)
    if not player or role is None:
        raise UnusableOutcome("yes or no to a player doing it")
    return game.id, asked.kind, asked.period, _HALF, player, asked.statistic, role, ""


def _yes_no(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    role = _role(asked, outcome.name, _NAMED_AS.get(outcome.name, ""))
    return game.id, asked.kind, asked.period, None, "", "", role, ""


def _two_of_three(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    parts = re.split(r" or | ?/ ?", outcome.name)
    role = _TWO.get(frozenset(_side(game, part) for part in parts), "")
    return game.id, asked.kind, asked.period, None, "", "", _role(asked, outcome.name, role), ""


def _runner(game: Game, asked: codes.Question, outcome: Outcome) -> PriceKey:
    runner = " ".join(outcome.name.split())
    if not runner:
        raise UnusableOutcome("a runner's name")
    return game.id, asked.kind, asked.period, None, "", "", kinds.RUNNER, runner


_SHAPES: dict[str, Callable[[Game, codes.Question, Outcome], PriceKey]] = {
    "SIDES": _sides,
    "HANDICAP": _handicap,
    "TOTAL": _total,
    "TEAM_TOTAL": _team_total,
    "PLAYER": _player,
    "YES_NO": _yes_no,
    "TWO_OF_THREE": _two_of_three,
    "RUNNERS": _runner,
    "LEADER": _leader,
    "PLAYER_DOES": _player_does,
}
