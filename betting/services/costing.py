"""Setting what it costs to bet on paper at a book, and saying what that means for a stake."""

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction

from betting.domain import costs, payoffs
from betting.models import CostModel
from betting.venues import paper_fills
from markets.models import Book
from monitoring.errors import Refused
from monitoring.services import audit

NUMBERS = (
    "is_enabled", "seed", "latency_ms", "delay_ms", "rejection", "slippage", "spread", "depth",
    "queue", "flow_per_minute", "patience_seconds", "commission",
)  # fmt: skip
STAKES = (Decimal(10), Decimal(100), Decimal(1000), Decimal(10_000))
LATER = 60.0  # seconds


class CostsRefused(Refused):
    """These are no costs that a book can have, or no reason was given."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the model expects of a stake: in the share matched, and net of commission."""

    stake: Decimal
    filled_at_once: float  # the chance that all of it is
    filled_in_a_minute: float
    filled_at_last: float
    share: float  # matched at last, in the mean
    net_of_two: float  # what is left of a price of 2.00

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "stake": str(self.stake)}


def set_costs(*, book_id: int, reason: str, actor: str, now: datetime, **numbers: Any) -> CostModel:
    """Set some of a book's costs; what is not named stays, or is its default.

    Raises:
        CostsRefused: no reason, no such book, nothing to set, an unknown number or a value that
            cannot be.
    """
    if not reason.strip():
        raise CostsRefused("give a reason for changing what bets cost")
    if unknown := sorted(set(numbers) - set(NUMBERS)):
        raise CostsRefused(f"a cost model has no {', '.join(unknown)}")
    if not numbers:
        raise CostsRefused("name what is to change")
    with transaction.atomic():
        book = Book.objects.select_for_update(of=("self",)).filter(pk=book_id).first()
        if book is None:
            raise CostsRefused(f"there is no book #{book_id}")
        row = CostModel.objects.filter(book=book).first() or CostModel(book=book)
        before = {name: str(getattr(row, name)) for name in numbers} if row.pk else {}
        _set(row, numbers)
        row.save()
        row.refresh_from_db()
        audit.record(
            actor=actor,
            action="costs.changed",
            subject=row,
            at=now,
            reason=reason.strip(),
            book=book.code,
            before=before,
            after={name: str(getattr(row, name)) for name in numbers},
        )
    return row


def estimates(row: CostModel) -> list[Estimate]:
    """Return what the model expects of small and of large stakes."""
    numbers = paper_fills.costs_of(row)
    net = payoffs.net_price(2.0, commission=row.commission)
    last = numbers.patience

    def chance(stake: Decimal, seconds: float) -> float:
        return costs.fill_probability(costs=numbers, stake=stake, seconds=seconds)

    return [
        Estimate(
            stake=stake,
            filled_at_once=chance(stake, 0.0),
            filled_in_a_minute=chance(stake, LATER),
            filled_at_last=chance(stake, last),
            share=costs.expected_share(costs=numbers, stake=stake, seconds=last),
            net_of_two=net,
        )
        for stake in STAKES
    ]


def _set(row: CostModel, numbers: dict[str, Any]) -> None:
    for name, given in numbers.items():
        field = CostModel._meta.get_field(name)
        try:
            value = field.to_python(given)  # type: ignore[union-attr]
        except (ValidationError, ArithmeticError, ValueError, OverflowError) as no:
            raise CostsRefused(f"{name}: {given!r} does not fit") from no
        if isinstance(value, float) and not math.isfinite(value):
            raise CostsRefused(f"{name} must be a finite number")
        setattr(row, name, value)
    try:
        row.full_clean(exclude=["book"], validate_unique=False)
    except ValidationError as no:
        raise CostsRefused(_told(no)) from no


def _told(no: ValidationError) -> str:
    return "; ".join(
        fault if field == NON_FIELD_ERRORS else f"{field}: {fault}"
        for field, faults in no.message_dict.items()
        for fault in faults
    )
