"""What is told of an invented fixture, and when: a list of messages that follows from the seed.

Hours are league hours after the planned start.  A postponed fixture is announced late and gets
its new date later; a result may be told late, twice, or wrong first and corrected then.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from markets.domain import simulation_sports
from markets.domain.simulation_sports import League, Trouble

STATE, PRICES, LINEUP, RESULT = "state", "prices", "lineup", "result"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing told, in the order of telling."""

    at: float
    what: str
    status: str = ""  # of STATE and RESULT
    start: float = 0.0  # the start as it is told then
    step: int = -1  # of PRICES
    is_wrong: bool = False
    known: float = 0.0  # of RESULT: since when the world could know it
    sent: float | None = None  # a copy of an older message, sent then


def timeline(*, league: League, trouble: Trouble) -> list[Message]:
    """Return everything told of a fixture, in the order of telling.

    >>> [m.what for m in timeline(league=simulation_sports.LEAGUES[1], trouble=Trouble())][-3:]
    ['prices', 'state', 'result']
    """
    start = trouble.delay
    announced = -simulation_sports.ANNOUNCED_BEFORE
    moved = simulation_sports.MOVED_AFTER
    told: list[Message] = []
    for step, before in enumerate(simulation_sports.STEPS.tolist()):
        if not trouble.delay or -before < announced:
            told.append(Message(-before, PRICES, step=step))
        if trouble.delay and start - before > moved:
            told.append(Message(start - before, PRICES, start=start, step=step))
    if trouble.delay:
        told.append(Message(announced, STATE, status="POSTPONED"))
        told.append(Message(moved, STATE, status="SCHEDULED", start=start))
    told.append(Message(start - simulation_sports.LINEUP_BEFORE, LINEUP, start=start))
    told.append(Message(start, STATE, status="LIVE", start=start))
    told += _results(start, league.lasts, trouble)
    return sorted(told, key=lambda message: message.at)


def _results(start: float, lasts: float, trouble: Trouble) -> Iterator[Message]:
    end = start + lasts * (0.6 if trouble.is_abandoned else 1.0)
    first = end + trouble.late_by
    corrected = first + simulation_sports.CORRECTED_AFTER
    again = simulation_sports.REPEATED_AFTER
    status, is_wrong = "ABANDONED" if trouble.is_abandoned else "FINAL", trouble.is_corrected

    def telling(
        at: float, *, known: float = end, wrong: bool, sent: float | None = None
    ) -> Message:
        return Message(
            at, RESULT, status=status, start=start, is_wrong=wrong, known=known, sent=sent
        )

    yield telling(first, wrong=is_wrong)
    if trouble.is_repeated:
        yield telling(first + again, wrong=is_wrong)
    if is_wrong:
        yield telling(corrected, known=corrected, wrong=False)
    if is_wrong and trouble.is_repeated:  # an old copy, after the correction
        yield telling(corrected + again, wrong=True, sent=first)
