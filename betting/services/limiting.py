"""Setting limits: within their bounds, with a reason, audited.

Placing reads them under the bankroll's lock, so a change holds for every bet reserved after it.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction

from betting import queries
from betting.domain.limits import COUNTED, RESTS, Bound, Dimension
from betting.models import Bankroll, Limit
from betting.queries import risk
from monitoring.errors import Refused
from monitoring.services import audit

VALUES = ("share", "amount", "number", "is_enabled")
LONGEST_REASON = 500
_D = Limit.Dimension
DEFAULTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (_D.STAKE, {"share": 0.05}),
    (_D.EVENT, {"share": 0.10}),
    (_D.PARTICIPANT, {"share": 0.15}),
    (_D.COMPETITION, {"share": 0.30}),
    (_D.DAY, {"share": 0.15}),
    (_D.OPEN, {"share": 0.25}),
    (_D.FLOOR, {"share": 0.10}),
    (_D.CONFERENCE, {"share": 0.30, "is_enabled": False}),
    (_D.DIVISION, {"share": 0.20, "is_enabled": False}),
    (_D.WEEK, {"share": 0.40, "is_enabled": False}),
    (_D.PRICE, {"number": Decimal("5"), "is_enabled": False}),
    (_D.OPEN_BETS, {"number": Decimal("10"), "is_enabled": False}),
    (_D.STRATEGY_BETS, {"number": Decimal("15"), "is_enabled": False}),
    (_D.DAY_BETS, {"number": Decimal("30"), "is_enabled": False}),
    (_D.DRAWDOWN, {"share": 0.15, "is_enabled": False}),
    (_D.LOSING_STREAK, {"number": Decimal("5"), "is_enabled": False}),
    (_D.VENUE_FAILURES, {"number": Decimal("10"), "is_enabled": False}),
)
"""What a new installation starts with, for every bankroll.

On are those that a strategy as it is made stays below by its own caps; the others would change
what it bets, so an operator switches them on.
"""


class LimitRefused(Refused):
    """This limit cannot be, or cannot be changed, so."""


def rests(*, bankrolls: Iterable[Bankroll]) -> dict[int, dict[Dimension, Bound]]:
    """Return the limits on what each bankroll may lose before it rests; one query."""
    return {
        pk: {
            dimension: bound
            for dimension, bound in risk.bounds_of(rows).items()
            if dimension in RESTS
        }
        for pk, rows in risk.in_force(bankrolls).items()
    }


def week_of(*, bankroll: Bankroll, at: datetime) -> tuple[datetime, datetime]:
    """Return the start and end (exclusive) of the bankroll's own betting week at a time."""
    return risk.betting_week(
        at=at, time_zone=bankroll.time_zone, time_scale=queries.time_scale(bankroll)
    )


def ensure_defaults(*, now: datetime, actor: str) -> int:
    """Write the rows for every bankroll that are missing; what stands is the operator's."""
    with transaction.atomic():
        standing = set(Limit.objects.filter(bankroll=None).values_list("dimension", flat=True))
        missing = [
            Limit(dimension=dimension, reason="as made", changed_by=actor, changed_at=now, **values)
            for dimension, values in DEFAULTS
            if dimension not in standing
        ]
        made = Limit.objects.bulk_create(missing, ignore_conflicts=True)
    return len(made)


def set_limit(
    *,
    dimension: str,
    actor: str,
    reason: str,
    now: datetime,
    bankroll_id: int | None = None,
    **values: object,
) -> Limit:
    """Make or change the limit of a bankroll, or of every one, on a dimension.

    Raises:
        LimitRefused: no reason, an unknown dimension or bankroll, nothing to change, or a value
            that does not fit.
    """
    if dimension not in Dimension.__members__:
        raise LimitRefused(f"{dimension!r} is no limit: {', '.join(Dimension)}")
    with transaction.atomic():
        # Under the bankroll's lock: the second of two who make it finds the first one's row.
        owners = Bankroll.objects.select_for_update(of=("self",))
        if bankroll_id is not None and owners.filter(pk=bankroll_id).first() is None:
            raise LimitRefused(f"there is no bankroll #{bankroll_id}")
        found = Limit.objects.select_for_update(of=("self",)).filter(
            bankroll=bankroll_id, dimension=dimension
        )
        limit = found.first() or Limit(bankroll_id=bankroll_id, dimension=dimension)
        return _save(limit, values, actor=actor, reason=reason, now=now)


def change_limit(
    *, limit_id: int, actor: str, reason: str, now: datetime, **values: object
) -> Limit:
    """Change what a limit allows, or switch it on or off; the audit keeps both values.

    Raises:
        LimitRefused: no reason, no such limit, nothing to change, or a value that does not fit.
    """
    with transaction.atomic():
        limit = Limit.objects.select_for_update(of=("self",)).filter(pk=limit_id).first()
        if limit is None:
            raise LimitRefused(f"there is no limit #{limit_id}")
        return _save(limit, values, actor=actor, reason=reason, now=now)


def _save(
    limit: Limit, values: Mapping[str, object], *, actor: str, reason: str, now: datetime
) -> Limit:
    _check_reason(reason)
    if unknown := sorted(set(values) - set(VALUES)):
        raise LimitRefused(f"a limit has no {', '.join(unknown)}")
    is_new, before = limit.pk is None, _plain(limit)
    for name, value in values.items():
        setattr(limit, name, _read(name, value))
    limit.reason, limit.changed_by, limit.changed_at = reason.strip(), actor, now
    _check(limit)
    if not is_new and before == _plain(limit):
        raise LimitRefused("name what is to change")
    try:
        with transaction.atomic():
            limit.save()
    except IntegrityError as no:
        raise LimitRefused("somebody else set it meanwhile; look again") from no
    audit.record(
        actor=actor,
        action="limit.set" if is_new else "limit.changed",
        subject=limit,
        at=now,
        reason=limit.reason,
        dimension=limit.dimension,
        bankroll=limit.bankroll_id,
        before=None if is_new else before,
        after=_plain(limit),
    )
    return limit


def _check(limit: Limit) -> None:
    counts = limit.dimension in COUNTED and limit.dimension != Dimension.PRICE
    if counts and limit.number is not None and limit.number % 1:
        raise LimitRefused("number: bets are counted in whole numbers")
    if limit.dimension == Dimension.PRICE and limit.number is not None and limit.number <= 1:
        raise LimitRefused("number: a price is above 1")
    try:
        limit.full_clean(exclude=["bankroll"], validate_unique=False)
    except ValidationError as no:
        raise LimitRefused(_told(no)) from no


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise LimitRefused("give a reason for changing a limit")
    if len(reason) > LONGEST_REASON or "\x00" in reason:
        raise LimitRefused(f"a reason is plain text of {LONGEST_REASON} characters at most")


def _read(name: str, value: object) -> object:
    """Return a value as its column takes it."""
    field: Any = Limit._meta.get_field(name)
    try:
        found = field.to_python(value)
    except (ValidationError, ArithmeticError, ValueError, TypeError) as no:
        raise LimitRefused(f"{name}: {value!r} does not fit") from no
    if isinstance(found, float) and not math.isfinite(found):
        raise LimitRefused(f"{name} must be a finite number")
    return found


def _plain(limit: Limit) -> dict[str, object]:
    found = {name: getattr(limit, name) for name in VALUES}
    return {k: str(v.normalize()) if isinstance(v, Decimal) else v for k, v in found.items()}


def _told(no: ValidationError) -> str:
    return "; ".join(
        fault if field == NON_FIELD_ERRORS else f"{field}: {fault}"
        for field, faults in no.message_dict.items()
        for fault in faults
    )
