"""What may be foretold of events: the answers to their markets of a kind."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from markets.domain import kinds

_COLUMNS = """s.id, m.event_id, m.id, s.role, m.line, m.statistic, m.places, s.participant_id,
    m.participant_id"""
_WHOLE = "m.kind = {kind} AND m.period = 'FULL'"
_ANSWERS = f"""
SELECT {_COLUMNS}, e.away_id
FROM markets_selection s
JOIN markets_market m ON m.id = s.market_id
JOIN markets_event e ON e.id = m.event_id
WHERE m.event_id = ANY(%s) AND {_WHOLE.format(kind="%s")}
ORDER BY m.event_id, m.line, m.id, s.id
"""
AS_JSON = f"""
(SELECT json_agg(json_build_array({_COLUMNS}, e.away_id) ORDER BY m.line, m.id, s.id)::text
 FROM markets_market m JOIN markets_selection s ON s.market_id = m.id
 WHERE m.event_id = e.id AND {_WHOLE.format(kind="p.market_kind")})
"""  # of event e for pipeline p, inside a statement that has both


@dataclass(frozen=True, slots=True)
class Answer:
    """A selection as an estimator is asked about it; ``place`` is that of its role, -1 a runner."""

    selection_id: int
    event_id: int
    market_id: int
    place: int
    line: float  # the market's own; NaN where it has none
    statistic: str
    places: int | None
    of: int | None  # the runner, or whose total it is
    is_away: bool  # of the away side's total


def answers(*, event_ids: Iterable[int], market_kind: str) -> dict[int, list[Answer]]:
    """Return the answers to each event's whole markets of a kind, full time, market by market.

    A market whose every answer is not there yet is left out; runners are all that are entered.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS, [list(event_ids), market_kind])
        return _read(cursor.fetchall(), market_kind)


def of_json(text: str | None, *, market_kind: str) -> list[Answer]:
    """Return the answers that a statement brought ``AS_JSON``, of one event."""
    found = _read(json.loads(text), market_kind) if text else {}
    return next(iter(found.values()), [])


def _read(rows: Iterable[Sequence[Any]], market_kind: str) -> dict[int, list[Answer]]:
    roles = {role: place for place, role in enumerate(kinds.ROLES.get(market_kind, ()))}
    found: dict[int, dict[int, list[Answer]]] = {}
    for pk, event, market, role, line, statistic, places, runner, whose, away in rows:
        answer = Answer(
            selection_id=pk,
            event_id=event,
            market_id=market,
            place=roles.get(role, -1),
            line=float("nan") if line is None else float(line),
            statistic=statistic,
            places=places,
            of=runner if role == kinds.RUNNER else whose,
            is_away=whose is not None and whose == away,
        )
        found.setdefault(event, {}).setdefault(market, []).append(answer)
    return {
        event: mine
        for event, by_market in found.items()
        if (mine := [a for rows in by_market.values() for a in _whole(rows, len(roles))])
    }


def _whole(rows: list[Answer], size: int) -> list[Answer]:
    if size and {row.place for row in rows} != set(range(size)):
        return []
    return sorted(rows, key=lambda row: row.place) if size else rows
