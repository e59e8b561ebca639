"""Where a bankroll's money lies: its cash, at books, in bonuses; and how much of it is free.

Once money of a bankroll lies at a book, the bets struck there win and lose at that book; all
others win and lose in cash.  So what is free in a place is what it holds less what the open bets
that are settled there can lose.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet, Sum

from betting.models import Bankroll, Bet
from markets.models import Book
from monitoring.errors import Refused
from monitoring.services import audit
from settlements.models import LedgerAccount

ZERO = Decimal("0.00")
CASH, OUTSIDE, BONUS = "cash", "outside", "bonus:"
_Kind = LedgerAccount.Kind


class PlaceRefused(Refused):
    """Money cannot lie there."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a person names: "cash", "outside", a book by its code, or "bonus:" and a book."""

    kind: str  # of the account
    book: Book | None = None

    @property
    def is_money(self) -> bool:
        return self.kind in LedgerAccount.MONEY


def read(text: str) -> Place:
    """Return a place by its name.

    Raises:
        PlaceRefused: there is no such place, or no bets are struck there.
    """
    name = text.strip()
    if name.lower() == CASH:
        return Place(_Kind.CASH)
    if name.lower() == OUTSIDE:
        return Place(_Kind.CAPITAL)
    code = name.removeprefix(BONUS)
    book = Book.objects.filter(code=code).first() if "\x00" not in code else None
    if book is None:
        raise PlaceRefused(f"{name[:40]!r} is neither {CASH}, {OUTSIDE} nor a book's code")
    if book.kind not in Book.TAKES_BETS:
        raise PlaceRefused(f"{book} takes no bets, so no money lies there")
    return Place(_Kind.BONUS if name.startswith(BONUS) else _Kind.BOOK, book)


def account(*, bankroll: Bankroll, place: Place) -> LedgerAccount | None:
    """Return the account of a place; None where the bankroll has none there yet."""
    return _accounts(bankroll).filter(kind=place.kind, book=place.book).first()


def opened(
    *, bankroll: Bankroll, place: Place, actor: str, now: datetime, reason: str = ""
) -> LedgerAccount:
    """Return the account of a place, opened where it was missing."""
    row, is_new = LedgerAccount.objects.get_or_create(
        bankroll=bankroll, kind=place.kind, book=place.book,
        defaults={"currency": bankroll.currency},
    )  # fmt: skip
    if is_new and place.book is not None:
        audit.record(
            actor=actor, action="ledger.account_opened", subject=row, at=now, reason=reason,
            bankroll=bankroll.pk, book=place.book.code,
        )  # fmt: skip
    return row


def free(row: LedgerAccount) -> Decimal:
    """Return what of an account no open bet may need."""
    if row.kind not in LedgerAccount.MONEY:
        return row.balance
    bets = Bet.objects.at_risk().filter(bankroll=row.bankroll_id)
    if row.kind == _Kind.BOOK:
        bets = bets.filter(book=row.book_id)
    else:
        at_books = _accounts(row.bankroll).filter(kind=_Kind.BOOK).values("book")
        bets = bets.exclude(book__in=at_books)
    return row.balance - (bets.aggregate(total=Sum("liability"))["total"] or ZERO)


def _accounts(bankroll: Bankroll) -> QuerySet[LedgerAccount]:
    return LedgerAccount.objects.filter(bankroll=bankroll).select_related("bankroll", "book")
