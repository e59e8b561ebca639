"""Money that people move: between cash and books, in and out, and the bonuses that books give.

A bonus is no money of the bankroll's until its book releases it: it comes from profit and loss
into an account of its own, from there into what lies at the book, or back where it came from.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from betting.models import Bankroll
from monitoring.services import audit
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import ledger, places
from settlements.services.ledger import LedgerRefused
from settlements.services.places import Place

_Kind, _Account = LedgerTransfer.Kind, LedgerAccount.Kind


@dataclass(frozen=True, slots=True)
class _Move:
    """From which account to which, under which name."""

    kind: str
    source: Place
    target: Place


def move(
    *,
    bankroll_id: int,
    source: str,
    target: str,
    amount: Decimal,
    reference: str,
    actor: str,
    now: datetime,
    reason: str = "",
    currency: str = "",
) -> LedgerTransfer:
    """Move money from one place to another; the same reference again is the same movement.

    Places are "cash", a book's code, "bonus:" and a book's code, and "outside": from there money
    is deposited or a bonus given, thither it is withdrawn or a bonus forfeited.  An account that
    a bankroll has not yet had at a book is opened.

    Raises:
        PlaceRefused: there is no such place.
        LedgerRefused: no money goes that way, the amount is no positive sum in cents or more than
            is free there, ``currency`` is not the bankroll's, the reference is missing, too long
            or another movement's, or it is a replay's money.
    """
    way = _way(places.read(source), places.read(target))
    cents = ledger.checked(amount)
    with transaction.atomic():
        bankroll = ledger.held(bankroll_id)
        if currency and currency != bankroll.currency:
            raise LedgerRefused(f"{bankroll} holds {bankroll.currency}, not {currency}")
        name = f"{way.kind.lower()}:{bankroll_id}:{ledger.named(reference)}"
        ledger.open_accounts(bankroll=bankroll)
        about: dict[str, Any] = {
            "bankroll": bankroll, "actor": actor, "now": now, "reason": reason,
        }  # fmt: skip
        accounts = [places.opened(place=each, **about) for each in (way.source, way.target)]
        existing = LedgerTransfer.objects.filter(reference=name).first()
        if existing is not None:
            return _same(existing, accounts, cents, reference)
        _refuse(bankroll, way, accounts, cents)
        return _done(way, accounts, cents, name, **about)


def _way(source: Place, target: Place) -> _Move:
    """Return what a movement is, and between which accounts."""
    outside, gains = _Account.CAPITAL, Place(_Account.PROFIT_AND_LOSS)
    if source.is_money and target.is_money and source != target:
        return _Move(_Kind.TRANSFER, source, target)
    if source.kind == outside and target.is_money:
        return _Move(_Kind.DEPOSIT, source, target)
    if source.is_money and target.kind == outside:
        return _Move(_Kind.WITHDRAWAL, source, target)
    if source.kind == outside and target.kind == _Account.BONUS:
        return _Move(_Kind.BONUS, gains, target)
    if source.kind == _Account.BONUS and target.kind == outside:
        return _Move(_Kind.FORFEIT, source, gains)
    if source.kind == _Account.BONUS and target == Place(_Account.BOOK, source.book):
        return _Move(_Kind.RELEASE, source, target)
    raise LedgerRefused(
        "money goes between cash, books and outside; a bonus comes from outside and goes to its"
        " own book, or back"
    )


def _same(
    existing: LedgerTransfer, accounts: list[LedgerAccount], amount: Decimal, reference: str
) -> LedgerTransfer:
    is_same = [existing.debit_id, existing.credit_id] == [one.pk for one in accounts]
    if existing.amount != amount or not is_same:
        raise LedgerRefused(f"{reference} already moved {existing.amount}, or elsewhere")
    return existing


def _refuse(bankroll: Bankroll, way: _Move, accounts: list[LedgerAccount], amount: Decimal) -> None:
    ledger.refuse_to_touch_a_replay(bankroll)
    source, target = accounts
    if way.kind == _Kind.WITHDRAWAL:
        ledger.refuse_overdraft(bankroll_id=bankroll.pk, amount=amount)
    if way.source.is_money or way.source.kind == _Account.BONUS:
        free = places.free(source)
        if amount > free:
            raise LedgerRefused(f"{amount} is more than the {free} that is free in {source}")
    if way.target.is_money and max(target.balance, bankroll.balance) + amount > ledger.MOST:
        raise LedgerRefused(f"{target} cannot hold {amount} more than its {target.balance}")


def _done(
    way: _Move, accounts: list[LedgerAccount], amount: Decimal, name: str, *, bankroll: Bankroll,
    actor: str, now: datetime, reason: str,
) -> LedgerTransfer:  # fmt: skip
    source, target = accounts
    moved = ledger.write(
        kind=way.kind, debit=source, credit=target, amount=amount, reference=name, at=now
    )
    audit.record(
        actor=actor,
        action=f"ledger.{way.kind.lower()}",
        subject=bankroll,
        at=now,
        amount=str(amount),
        reference=name,
        reason=reason,
        source=source.pk,
        target=target.pk,
    )
    return moved
