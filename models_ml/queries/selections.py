"""What may be foretold of events: the answers to their markets of a kind."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from markets.domain import kinds

_ANSWERS = """
SELECT s.id, m.event_id, m.id, s.role, m.line, m.statistic, m.places, s.participant_id,
    m.participant_id, e.away_id
FROM markets_selection s
JOIN markets_market m ON m.id = s.market_id
JOIN markets_event e ON e.id = m.event_id
WHERE m.event_id = ANY(%s) AND m.kind = %s AND m.period = 'FULL'
ORDER BY m.event_id, m.line, m.id, s.id
"""


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
        rows = cursor.fetchall()
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
