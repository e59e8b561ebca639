"""What a notice says about who starts.  Pure: one notice in, whom it names and whether he starts.

A player who is named by nobody is not known to start; that is for the reader to heed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

STARTER = ("starter", "starting", "starts")
BENCH = ("bench", "substitute", "reserve")
OUT = ("out", "injured reserve", "ir", "suspended", "out for season")
CONFIRMED = "confirmed"  # of a list of sides, each with its starters
STATUSES = ("starter", "bench", "out")  # what a person may tell
KINDS = ("LINEUP", "INJURY")
#: Kinds of markets that are about a player, who must take part for a bet on him to stand.
OF_PLAYERS = ("PLAYER_TOTAL", "PLAYER_LEADER")


class Said(NamedTuple):
    """Whether somebody starts, by his id or by his name as it is compared."""

    who: int | str
    starts: bool


def plain(name: str) -> str:
    """Return a name as names are compared: without case, with single spaces.

    >>> plain("  Marta  DE Vries ")
    'marta de vries'
    """
    return " ".join(name.casefold().split())


def said(
    *,
    kind: str,
    status: str,
    person: str,
    participant_id: int | None,
    data: Mapping[str, Any],
) -> list[Said]:
    """Return whom a notice names, and whether each of them starts.

    >>> said(kind="LINEUP", status="", person="", participant_id=7,
    ...      data={"starters": ["Ana Ruiz", "Bo Lind"]})
    [Said(who='ana ruiz', starts=True), Said(who='bo lind', starts=True)]
    >>> said(kind="INJURY", status="Out", person="Ana Ruiz", participant_id=None, data={})
    [Said(who='ana ruiz', starts=False)]
    >>> said(kind="INJURY", status="Questionable", person="Ana Ruiz", participant_id=None, data={})
    []
    """
    word = plain(status)
    if word in OUT or (kind == "LINEUP" and word in STARTER + BENCH):
        starts = word in STARTER
        by_id = [Said(participant_id, starts)] if participant_id is not None else []
        return [*by_id, *([Said(plain(person), starts)] if plain(person) else [])]
    if kind != "LINEUP":
        return []
    lists = data.values() if word == CONFIRMED else [data.get("starters")]
    return [Said(plain(name), True) for names in lists for name in _texts(names)]


def _texts(names: Any) -> Iterable[str]:
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
