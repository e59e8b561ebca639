"""A result as a person enters it: what belongs to it, and what cannot be.  Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markets.domain.tellings import Pair, Runner, Telling

FINAL = "FINAL"
GIVEN_UP = ("RETIRED", "WALKOVER")
WITHOUT_SCORE = ("ABANDONED", "POSTPONED", "CANCELLED", "WITHDRAWN")
STATUSES = (FINAL, *GIVEN_UP, *WITHOUT_SCORE)
#: An event need not have begun to end so.
BEFORE_THE_START = ("WALKOVER", "POSTPONED", "CANCELLED", "WITHDRAWN")
HIGHEST = 999
_ORDER = re.compile(r"\d{1,3}(?:=\d{1,3})*(?:\s*,\s*\d{1,3}(?:=\d{1,3})*)*")


class BadEntry(ValueError):
    """A result that no event can have; says what was expected."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person enters.  ``order``: the numbers of a race's runners as they came in."""

    status: str
    score: Pair = (None, None)
    half: Pair = (None, None)
    winner: str = ""
    order: str = ""


def telling(entry: Entry, *, is_race: bool, runners: Mapping[int, int]) -> Telling:
    """Return what an entry tells; ``runners``: the participants that run, by their numbers.

    Raises:
        BadEntry: it is no result of such an event.

    >>> telling(Entry("FINAL", (2, 1)), is_race=False, runners={}).score
    (2, 1)
    >>> told = telling(Entry("FINAL", order="4=5, 2"), is_race=True, runners={2: 70, 4: 71, 5: 72})
    >>> {key: (row.position, row.is_winner) for key, row in told.runners.items()}
    {70: (3, False), 71: (1, True), 72: (1, True)}
    """
    if entry.status not in STATUSES:
        raise BadEntry(f"one of {', '.join(STATUSES)}, not {entry.status!r}")
    if entry.status != FINAL or is_race:
        _expect_no(entry.score, entry.half, f"a result that is {entry.status.lower()}")
    if is_race and entry.winner:
        raise BadEntry("no winning side in a race, but the order in which they came in")
    if entry.status in GIVEN_UP and entry.winner not in ("HOME", "AWAY"):
        raise BadEntry(f"HOME or AWAY as the winner of a result that is {entry.status.lower()}")
    if entry.status in WITHOUT_SCORE and entry.winner:
        raise BadEntry(f"no winner of a result that is {entry.status.lower()}")
    if entry.order and not (is_race and entry.status == FINAL):
        raise BadEntry("an order of runners for the final result of a race alone")
    if entry.status == FINAL and not is_race:
        _check_scores(entry)
    places = _places(entry.order, runners) if is_race and entry.status == FINAL else {}
    return Telling(entry.status, entry.score, entry.half, entry.winner, runners=places)


def _expect_no(score: Pair, half: Pair, what: str) -> None:
    if score != (None, None) or half != (None, None):
        raise BadEntry(f"no score for {what}")


def _check_scores(entry: Entry) -> None:
    if None in entry.score:
        raise BadEntry("both final scores")
    if (entry.half[0] is None) != (entry.half[1] is None):
        raise BadEntry("both half-time scores, or none")
    for final, half in zip(entry.score, entry.half, strict=True):
        if not 0 <= (final or 0) <= HIGHEST:
            raise BadEntry(f"scores from 0 to {HIGHEST}")
        if half is not None and not 0 <= half <= (final or 0):
            raise BadEntry("half-time scores up to the final ones")
    sides = {"HOME": 0, "AWAY": 1}
    if entry.winner == "DRAW" and entry.score[0] != entry.score[1]:
        raise BadEntry("equal scores in a draw")
    if entry.winner in sides:
        mine = sides[entry.winner]
        if (entry.score[mine] or 0) < (entry.score[1 - mine] or 0):
            raise BadEntry("a winner who did not score less")


def _places(order: str, runners: Mapping[int, int]) -> dict[int, Runner]:
    """Return how each runner came in; who is not named came in behind all that are."""
    if not _ORDER.fullmatch(order.strip()):
        raise BadEntry("the numbers of the runners as they came in, dead heats with =: 4=5, 2")
    position, places = 1, {}
    for group in order.split(","):
        numbers = [int(text) for text in group.split("=")]
        for number in numbers:
            if number not in runners or number in places:
                known = ", ".join(map(str, sorted(runners)))
                raise BadEntry(f"each number once, and those of this race ({known}): not {number}")
            places[number] = position
        position += len(numbers)
    return {
        participant: Runner(number, places.get(number), places.get(number) == 1)
        for number, participant in sorted(runners.items())
    }
