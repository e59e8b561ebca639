"""Which rule set pays a bet, and how two versions of one differ.  Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from settlements.domain.terms import Terms

USUAL = "usual"  # of a bet that no row speaks of
Uses = Mapping[tuple[int | None, int | None, str], str]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a rule set, read."""

    pk: int | None
    code: str
    version: int
    since: datetime
    terms: Terms


def choose(uses: Uses, *, book_id: int, sport_id: int, market_kind: str) -> str:
    """Return the code of the rule set in use: book before sport before kind of market.

    >>> uses = {(7, None, ""): "exchange", (None, 1, "WIN"): "racing"}
    >>> [choose(uses, book_id=b, sport_id=1, market_kind="WIN") for b in (7, 8)]
    ['exchange', 'racing']
    >>> choose(uses, book_id=8, sport_id=2, market_kind="WIN")
    'usual'
    """
    for key in product((book_id, None), (sport_id, None), (market_kind, "")):
        if key in uses:
            return uses[key]
    return USUAL


def in_force(versions: Iterable[Version], *, at: datetime) -> Version | None:
    """Return the version of one rule set that was in force, the first one where none was yet."""
    known = sorted(versions, key=lambda one: (one.since, one.version))
    begun = [one for one in known if one.since <= at]
    return begun[-1] if begun else next(iter(known), None)


def differences(one: Terms, other: Terms) -> list[tuple[str, Any, Any]]:
    """Return each term whose values differ, commission by its parts, in the order of the terms.

    >>> differences(Terms(), Terms(tie="LOST", commission={"rate": "0.05"}))
    [('tie', 'PUSH', 'LOST'), ('commission.rate', '0', '0.05')]
    """
    before, after = flat(one), flat(other)
    return [(name, before[name], after[name]) for name in before if before[name] != after[name]]


def flat(terms: Terms) -> dict[str, Any]:
    """Return every term with its value, commission by its parts.

    >>> flat(Terms())["commission.base"]
    'NONE'
    """
    found: dict[str, Any] = {}
    for name, value in terms.model_dump(mode="json").items():
        parts = value if isinstance(value, dict) else {"": value}
        found |= {f"{name}.{part}" if part else name: each for part, each in parts.items()}
    return found
