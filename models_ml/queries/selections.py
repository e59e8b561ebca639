"""What may be foretold of events: the answers to their markets of a kind."""

from collections.abc import Iterable
from dataclasses import dataclass

from markets.domain import kinds
from markets.models import Selection


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
    rows = (
        Selection.objects.filter(
            market__event_id__in=list(event_ids), market__kind=market_kind, market__period="FULL"
        )
        .order_by("market__event_id", "market__line", "market_id", "pk")
        .values_list(
            "pk", "market__event_id", "market_id", "role", "market__line", "market__statistic",
            "market__places", "participant_id", "market__participant_id",
            "market__event__away_id",
        )
    )  # fmt: skip
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
