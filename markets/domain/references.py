"""Whose close is believed.  Pure: a rule per competition and kind, and the one that says most."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from markets.domain import odds

CONSENSUS = "consensus"


@dataclass(frozen=True, slots=True)
class Rule:
    """The books that are asked, in order, and by which method; "" leaves it to the size."""

    chain: tuple[str, ...]
    method: str = ""


#: By competition (none: all that are not simulated) and kind (none: every kind).
Rules = Mapping[tuple[int | None, str], Rule]


def rule_of(rules: Rules, *, competition: int, is_simulated: bool, kind: str) -> Rule | None:
    """Return the rule that says most of such a market.

    >>> rules = {(None, ""): Rule(("a",)), (None, "TOTAL"): Rule(("b",)), (7, ""): Rule(("c",))}
    >>> found = [rule_of(rules, competition=at, is_simulated=False, kind=kind).chain[0]
    ...          for at in (7, 8) for kind in ("TOTAL", "WIN")]
    >>> found, rule_of(rules, competition=8, is_simulated=True, kind="WIN")
    (['c', 'c', 'b', 'a'], None)
    """
    for at in (competition, None):
        for of in (kind, ""):
            if (at, of) in rules and not (at is None and is_simulated):
                return rules[at, of]
    return None


def wrong_with(*, chain: Sequence[str], method: str, books: Collection[str]) -> str:
    """Return what is wrong with a rule, in words; "" where it can be gone by.

    >>> wrong_with(chain=["pinnacle", "consensus"], method="shin", books={"pinnacle"})
    ''
    >>> wrong_with(chain=["consensus", "pinnacle"], method="", books={"pinnacle"})
    'consensus is asked last: nobody is asked after it'
    """
    if not chain:
        return "a chain names one book at least, or consensus"
    if len(set(chain)) < len(chain):
        return "a chain names each book once"
    if CONSENSUS in chain[:-1]:
        return "consensus is asked last: nobody is asked after it"
    unknown = [code for code in chain if code != CONSENSUS and code not in books]
    if unknown:
        return f"no book of this code: {', '.join(unknown)}"
    if method and method not in odds.METHODS:
        return f"the method is one of {', '.join(odds.METHODS)}, or none, not {method!r}"
    return ""
