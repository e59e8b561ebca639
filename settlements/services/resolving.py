"""What a person decides about a difference: theirs is accepted, and money moves, or dismissed."""

from datetime import datetime

from django.db import transaction

from betting.venues import VENUES
from betting.venues.base import Clearing
from markets.models import Book
from monitoring.errors import Refused
from monitoring.services import audit
from settlements.models import LedgerAccount, LedgerTransfer, ReconciliationItem
from settlements.services import ledger

OPEN = ReconciliationItem.State.OPEN
LONGEST_REASON = 250


class ItemRefused(Refused):
    """This difference cannot be resolved so."""


def may_accept(item: ReconciliationItem) -> bool:
    """Say whether a difference is one of money that can move to agree with the venue."""
    return item.state == OPEN and item.kind in ReconciliationItem.MONEY and bool(item.difference)


@transaction.atomic
def accept(*, item_id: int, reason: str, actor: str, now: datetime) -> ReconciliationItem:
    """Let the venue be right: move the difference by a transfer that names the item.

    The bet keeps what it was settled by; should it be settled otherwise later, the next run tells
    of what is then too much.

    Raises:
        ItemRefused: the item is not open, is no difference of money, or the reason is missing.
    """
    item = _locked(item_id)
    why = _reason(reason)
    if not may_accept(item) or item.difference is None:
        raise ItemRefused(f"{item} is no difference of money: dismiss it, or put its cause right")
    reference = f"correct:{item.bankroll_id}:difference {item.pk}"
    is_commission = item.kind == ReconciliationItem.Kind.COMMISSION
    accounts = LedgerAccount.Kind
    against = accounts.COMMISSION if is_commission else accounts.PROFIT_AND_LOSS
    ledger.post(
        movements=[
            ledger.Movement(
                bankroll_id=item.bankroll_id,
                kind=LedgerTransfer.Kind.CORRECTION.value,
                against=against.value,
                cash=item.difference,
                reference=reference,
                at=now,
                book_id=_book_id(item),
            )
        ]
    )
    item.transfer = LedgerTransfer.objects.get(reference=reference)
    return _resolve(item, ReconciliationItem.State.ACCEPTED, why, actor=actor, now=now)


@transaction.atomic
def dismiss(*, item_id: int, reason: str, actor: str, now: datetime) -> ReconciliationItem:
    """Let a difference stand; it is opened again only if one of its values changes.

    Raises:
        ItemRefused: the item is not open, or the reason is missing.
    """
    item, why = _locked(item_id), _reason(reason)
    return _resolve(item, ReconciliationItem.State.DISMISSED, why, actor=actor, now=now)


def _book_id(item: ReconciliationItem) -> int | None:
    """Return the book whose account an item is about."""
    venue = VENUES.get(item.venue)
    code = venue.book_code if isinstance(venue, Clearing) else ""
    return Book.objects.filter(code=code).values_list("pk", flat=True).first()


def _locked(item_id: int) -> ReconciliationItem:
    item = ReconciliationItem.objects.select_for_update().filter(pk=item_id).first()
    if item is None:
        raise ItemRefused(f"there is no difference {item_id}")
    if item.state != OPEN:
        raise ItemRefused(f"{item} is resolved already: {item.get_state_display().lower()}")
    return item


def _reason(reason: str) -> str:
    text = reason.strip()
    if not 0 < len(text) <= LONGEST_REASON or "\x00" in text:
        raise ItemRefused(f"a reason of 1 to {LONGEST_REASON} characters is needed")
    return text


def _resolve(
    item: ReconciliationItem, state: str, reason: str, *, actor: str, now: datetime
) -> ReconciliationItem:
    item.state, item.reason = state, reason
    item.resolved_by, item.resolved_at = actor, now
    item.save(update_fields=["state", "reason", "resolved_by", "resolved_at", "transfer"])
    audit.record(
        actor=actor,
        action=f"reconciliation.{state.lower()}",
        subject=item,
        at=now,
        reason=reason,
        kind=item.kind,
        about=item.key,
        ours=item.ours,
        theirs=item.theirs,
        moved=str(item.difference) if item.transfer_id else None,
    )
    return item
