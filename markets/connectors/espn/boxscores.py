"""Scores by period and figures of players."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markets.connectors.base import ParsedPerson, ParsedStatistic
from markets.connectors.espn.documents import Boxscore, Line, Played
from markets.connectors.told import Told

HIGHEST_SCORE = 999
PERIODS = ("Q1", "Q2", "Q3", "Q4", "OT", "OT2", "OT3", "OT4", "OT5", "OT6")
REGULAR = 4
#: Statistics by the label of their column; "7-13" are made and tried: those made count.
STATISTICS: Mapping[str, str] = {
    "MIN": "minutes",
    "PTS": "points",
    "REB": "rebounds",
    "AST": "assists",
    "TO": "turnovers",
    "STL": "steals",
    "BLK": "blocks",
    "OREB": "offensive_rebounds",
    "DREB": "defensive_rebounds",
    "PF": "fouls",
    "FG": "field_goals",
    "3PT": "threes",
    "FT": "free_throws",
}
_FIGURE = re.compile(r"(\d{1,3})(?:[-/]\d{1,3}|:\d{2})?", re.ASCII)


def score(value: Any) -> int | None:
    """Read a whole score, which ESPN writes as text.

    >>> score("70"), score(70), score("7.5"), score(None), score("1000")
    (70, 70, None, None, None)
    """
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    is_whole = text.isascii() and text.isdigit() and len(text) <= 3
    return int(text) if is_whole else None


def periods(home: Sequence[Line], away: Sequence[Line]) -> dict[str, list[int]] | None:
    """Return the points of both sides by period, {} where none is told, None where it is unclear.

    >>> lines = [Line(displayValue=points) for points in ("20", "21", "22", "23", "9")]
    >>> periods(lines, lines)["OT"]
    [9, 9]
    >>> periods(lines[:3], lines[:3]) is None, periods([], [])
    (True, {})
    """
    if not home and not away:
        return {}
    if len(home) != len(away) or not REGULAR <= len(home) <= len(PERIODS):
        return None
    points = [[_points(line) for line in side] for side in (home, away)]
    found: dict[str, list[int]] = {}
    for name, one, other in zip(PERIODS, *points, strict=False):
        if one is None or other is None:
            return None
        found[name] = [one, other]
    return found


def _points(line: Line) -> int | None:
    if line.displayValue is not None:
        return score(line.displayValue)
    is_whole = line.value is not None and line.value == int(line.value)
    return score(int(line.value)) if is_whole and line.value is not None else None


def total(points: Mapping[str, Sequence[int]]) -> tuple[int, int]:
    """Return what the periods sum to.

    >>> total({"Q1": [20, 18], "Q2": [21, 30]})
    (41, 48)
    """
    return sum(home for home, _ in points.values()), sum(away for _, away in points.values())


def at_half(points: Mapping[str, Sequence[int]]) -> tuple[int | None, int | None]:
    """Return the score after two quarters, where they are told."""
    if not points:
        return None, None
    first, second = points["Q1"], points["Q2"]
    return first[0] + second[0], first[1] + second[1]


def statistics(told: Told, box: Boxscore) -> tuple[ParsedStatistic, ...]:
    """Return every figure of every player; who did not play has no value and took no part."""
    return tuple(
        figure
        for squad in box.players
        for table in squad.statistics
        for played in table.athletes
        for figure in _of_player(told, squad.team.displayName, table.labels, played)
    )


def _of_player(
    told: Told, team: str, labels: Sequence[str], played: Played
) -> list[ParsedStatistic]:
    name = " ".join(played.athlete.displayName.split())
    if not name:
        told.tell(1, "athlete", "a player's name")
        return []
    texts = dict(zip(labels, played.stats, strict=False))
    took_part = not played.didNotPlay and _figure(texts.get("MIN", "")) not in (None, 0)
    person = ParsedPerson(name, id=played.athlete.id)
    found = []
    for label, statistic in STATISTICS.items():
        if label not in labels:
            continue
        value = _figure(texts.get(label, ""))
        if took_part and value is None:
            message = f"{statistic} of {name}, not {texts.get(label, '')[:20]!r}"
            told.tell(1, label, message)
            continue
        shown = Decimal(value) if took_part and value is not None else None
        found.append(ParsedStatistic(person, team, statistic, shown, took_part))
    return found


def _figure(text: str) -> int | None:
    """Read a figure: "7", made of tried "7-13", or minutes "34:12".

    >>> _figure("7-13"), _figure("34:12"), _figure("--")
    (7, 34, None)
    """
    match = _FIGURE.fullmatch(text.strip())
    return int(match[1]) if match else None
