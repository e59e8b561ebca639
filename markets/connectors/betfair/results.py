"""How the runners of a closed market came in, and what the exchange made their prices."""

import math
from datetime import datetime

from markets.connectors.base import ParsedPerson, ParsedResult, ParsedRunnerResult
from markets.connectors.betfair.described import Described, Shape

_HIGHEST = 1_000
_SLACK = 1e-6  # 2.55 is 254.99999999999997 hundredths
_CAME_IN = frozenset({"WINNER", "PLACED"})


def starting_price(told: float | str | None) -> int | None:
    """Return a starting price in thousandths; None where the exchange could make none.

    The exchange first tells it as it was computed, and, once the market is settled, cut to two
    places, which is what bets are paid at.

    >>> starting_price(13.0), starting_price(16.56625524822389), starting_price(38.38)
    (13000, 16560, 38380)
    >>> starting_price("NaN"), starting_price("Infinity"), starting_price(1.009)
    (None, None, None)
    """
    if told is None or isinstance(told, str) or not 1 < told <= _HIGHEST:
        return None
    hundredths = math.floor(told * 100 + _SLACK)
    return hundredths * 10 if hundredths > 100 else None


def result_of(
    market: Described, shape: Shape, *, known_at: datetime, record: int
) -> ParsedResult | None:
    """Return the result of a closed market; None where nobody came in, as in a void one."""
    if not shape.has_runners or not _CAME_IN & {runner.status for runner in market.runners}:
        return None
    people = {person.id: person for person in shape.markets[market.id].runners}
    return ParsedResult(
        event_ref=shape.event.ref,
        status="FINAL",
        home_score=None,
        away_score=None,
        known_at=known_at,
        runners=[
            _of_runner(people[str(runner.id)], runner.status, shape.kind)
            for runner in market.runners
        ],
        record=record,
    )


def _of_runner(person: ParsedPerson, status: str, kind: str) -> ParsedRunnerResult:
    """Say how a runner came in; a place market tells nothing of who won."""
    if status.startswith("REMOVED"):
        return ParsedRunnerResult(person, is_removed=True)
    is_first = status == "WINNER"
    if kind == "PLACE":
        return ParsedRunnerResult(person, is_placed=status in _CAME_IN)
    is_placed = status in _CAME_IN if kind == "EACH_WAY" else None
    return ParsedRunnerResult(person, is_winner=is_first, is_placed=is_placed)
