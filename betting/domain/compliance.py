"""What law and oneself allow: jurisdictions, banned books, limits, rests.  Pure.

A limit holds when the bet that is asked about is counted in full: a loss limit counts what was
lost, what may still be lost of the bets that stand, and all that this bet can lose.  So no cent
beyond it can be lost, whatever happens.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

COOLING_DOWN = "COOLING_DOWN"
BOOK_BANNED = "BOOK_BANNED"
JURISDICTION = "JURISDICTION"
DAY_STAKE = "DAY_STAKE_LIMIT"
DAY_LOSS = "DAY_LOSS_LIMIT"
SESSION_STAKE = "SESSION_STAKE_LIMIT"
SESSION_LOSS = "SESSION_LOSS_LIMIT"
SAID = {
    COOLING_DOWN: "a cool-down is in force, and nobody can lift it",
    BOOK_BANNED: "this book is banned",
    JURISDICTION: "this book may not be bet with from where the bankroll is",
    DAY_STAKE: "more than may be staked in a day",
    DAY_LOSS: "more could be lost than may be lost in a day",
    SESSION_STAKE: "more than may be staked in a session",
    SESSION_LOSS: "more could be lost than may be lost in a session",
}
NOTHING = Decimal("0")


@dataclass(frozen=True, slots=True)
class BookRule:
    """Where a book may be bet with (nowhere named: everywhere), and whether it is banned."""

    is_banned: bool = False
    jurisdictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a bankroll may stake and lose; None: no limit.  ``jurisdiction`` "": not told."""

    jurisdiction: str = ""
    day_stake: Decimal | None = None
    day_loss: Decimal | None = None
    session_stake: Decimal | None = None
    session_loss: Decimal | None = None


@dataclass(slots=True)
class Spent:
    """What was staked and lost since a moment; ``at_risk`` may still be lost of all that stands."""

    staked: Decimal = NOTHING
    lost: Decimal = NOTHING  # net: below 0 where more was won
    at_risk: Decimal = NOTHING

    def take(self, amount: Decimal) -> None:
        self.staked += amount
        self.at_risk += amount


@dataclass(slots=True)
class Standing:
    """What holds for a bankroll now; ``take`` adds to it as a batch goes on."""

    limits: Limits = field(default_factory=Limits)
    cools_until: datetime | None = None
    books: dict[int, BookRule] = field(default_factory=dict)
    day: Spent = field(default_factory=Spent)
    session: Spent = field(default_factory=Spent)

    def take(self, amount: Decimal) -> None:
        """Count a bet of this batch, so that the next one sees it."""
        self.day.take(amount)
        self.session.take(amount)


def refusal(*, standing: Standing, book_id: int, amount: Decimal, now: datetime) -> str:
    """Return the first rule that forbids a bet with this book that can lose so much, or "".

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> day = Spent(staked=Decimal(80), lost=Decimal(30), at_risk=Decimal(50))
    >>> standing = Standing(limits=Limits(day_loss=Decimal(100)), day=day)
    >>> [refusal(standing=standing, book_id=1, amount=Decimal(n), now=now) for n in (20, 21)]
    ['', 'DAY_LOSS_LIMIT']
    """
    if standing.cools_until is not None and now < standing.cools_until:
        return COOLING_DOWN
    rule = standing.books.get(book_id, BookRule())
    forbidden = of_book(rule, jurisdiction=standing.limits.jurisdiction)
    return forbidden or _limit(standing, amount)


def of_book(rule: BookRule, *, jurisdiction: str) -> str:
    """Return why a book may not be bet with from somewhere, or "".

    >>> of_book(BookRule(is_banned=True), jurisdiction="GB")
    'BOOK_BANNED'
    """
    if rule.is_banned:
        return BOOK_BANNED
    return "" if _is_licensed(rule.jurisdictions, jurisdiction) else JURISDICTION


def _is_licensed(allowed: Collection[str], jurisdiction: str) -> bool:
    """Say whether a book may be bet with from somewhere.  Where nobody tells, it may not.

    >>> _is_licensed(["GB", "IE"], "IE"), _is_licensed(["GB"], ""), _is_licensed([], "")
    (True, False, True)
    >>> _is_licensed(["US"], "US-NJ"), _is_licensed(["US-NJ"], "US-NY")
    (True, False)
    """
    return not allowed or jurisdiction in allowed or jurisdiction.partition("-")[0] in allowed


def _limit(standing: Standing, amount: Decimal) -> str:
    limits = standing.limits
    asked = (
        (DAY_STAKE, limits.day_stake, standing.day.staked),
        (DAY_LOSS, limits.day_loss, standing.day.lost + standing.day.at_risk),
        (SESSION_STAKE, limits.session_stake, standing.session.staked),
        (SESSION_LOSS, limits.session_loss, standing.session.lost + standing.session.at_risk),
    )
    for code, limit, used in asked:
        if limit is not None and used + amount > limit:
            return code
    return ""
