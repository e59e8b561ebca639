"""Stopping all staking, or a part of it, and letting it go on.

A halt holds for whoever reserves a bet after it was committed: placing reads the halts under the
bankroll's lock.  It ends at its own time without anybody's doing; ``end_expired`` records that.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from betting import queries
from betting.models import TradingHalt
from monitoring.errors import Refused
from monitoring.services import audit

CLOCK = "clock"
LONGEST_REASON = 500
LONGEST = timedelta(days=366)  # of what ends by itself


class HaltRefused(Refused):
    """There is nothing to halt or to lift so, or no reason was given."""


def halt(
    *,
    reason: str,
    actor: str,
    now: datetime,
    scope: str = "ALL",
    scope_id: int | None = None,
    expires_at: datetime | None = None,
    is_reduce_only: bool = False,
    rule: str = "",
) -> TradingHalt:
    """Stop staking in a scope until it is lifted or its time is over.

    Halting what is halted as strictly and as long returns the halt that stands; a stricter or
    longer one replaces it, and never lets go of what the earlier one held.

    Args:
        scope: of ``TradingHalt.Scope``; ``scope_id`` names the row, and is None for ALL.
        is_reduce_only: let through the bets that lower the worst loss of their market.
        rule: which automatic rule sets it, "" for a person; each has a halt of its own.

    Raises:
        HaltRefused: no reason, an unknown scope, a row that does not exist, an end that is past.
    """
    _check(reason=reason, scope=scope, scope_id=scope_id, expires_at=expires_at, now=now)
    asked: dict[str, Any] = {"expires_at": expires_at, "is_reduce_only": is_reduce_only}
    with transaction.atomic():
        end_expired(now=now)
        standing, created = TradingHalt.objects.get_or_create(
            scope=scope,
            scope_id=scope_id,
            rule=rule,
            lifted_at=None,
            defaults={"reason": reason.strip(), "set_by": actor, "set_at": now, **asked},
        )
        if created:
            _record(standing, action="betting.halt", actor=actor, now=now, reason=standing.reason)
            return standing
        standing = TradingHalt.objects.select_for_update().get(pk=standing.pk)
        if standing.lifted_at is None:
            wider = _wider(standing, **asked)
            if wider == _terms(standing):
                return standing
            _close(standing, actor=actor, reason="replaced by a stricter pause", now=now)
            asked = wider
        return halt(
            reason=reason, actor=actor, now=now, scope=scope, scope_id=scope_id, rule=rule, **asked
        )


def lift(*, halt_id: int, actor: str, reason: str, now: datetime) -> TradingHalt:
    """Let staking go on in the halt's scope.

    Raises:
        HaltRefused: no reason, no such halt, it was lifted before, or its time is over.
    """
    _check_reason(reason, what="letting betting go on")
    with transaction.atomic():
        end_expired(now=now)
        standing = TradingHalt.objects.select_for_update().filter(pk=halt_id, lifted_at=None)
        if not (found := standing.first()):
            raise HaltRefused(f"halt #{halt_id} does not stand")
        return _close(found, actor=actor, reason=reason.strip(), now=now)


def lift_scope(
    *, reason: str, actor: str, now: datetime, scope: str = "ALL", scope_id: int | None = None
) -> list[TradingHalt]:
    """Lift every halt that stands on a scope, whoever or whichever rule set it.

    Raises:
        HaltRefused: no reason, or no halt stands on this scope.
    """
    with transaction.atomic():
        standing = queries.active_halts(at=now).filter(scope=scope, scope_id=scope_id)
        ids = list(standing.values_list("pk", flat=True))
        if not ids:
            name = scope if scope_id is None else f"{scope} {scope_id}"
            raise HaltRefused(f"no halt stands on {name}")
        return [lift(halt_id=pk, actor=actor, reason=reason, now=now) for pk in ids]


def after(*, minutes: int, now: datetime) -> datetime:
    """Return when a pause of so many minutes ends.

    Raises:
        HaltRefused: less than one, or more than a year.
    """
    most = int(LONGEST.total_seconds() // 60)
    if not 1 <= minutes <= most:
        raise HaltRefused(f"a pause that ends by itself lasts 1 to {most} minutes")
    return now + timedelta(minutes=minutes)


def end_expired(*, now: datetime) -> int:
    """Record the end of every halt whose time is over; return how many.

    They hold nothing since their own end, whenever this is called.
    """
    with transaction.atomic():
        over = TradingHalt.objects.filter(lifted_at=None, expires_at__lte=now)
        if not (ids := list(over.select_for_update(skip_locked=True).values_list("pk", flat=True))):
            return 0
        reason = "its time was over"
        TradingHalt.objects.filter(pk__in=ids).update(
            lifted_at=F("expires_at"), lifted_by=CLOCK, lift_reason=reason
        )
        details = {f"{TradingHalt._meta.label}:{pk}": {"reason": reason} for pk in ids}
        audit.record_all(actor=CLOCK, action="betting.halt_ended", at=now, details=details)
    return len(ids)


def _terms(standing: TradingHalt) -> dict[str, Any]:
    return {"expires_at": standing.expires_at, "is_reduce_only": standing.is_reduce_only}


def _wider(
    standing: TradingHalt, *, expires_at: datetime | None, is_reduce_only: bool
) -> dict[str, Any]:
    """Return the terms that hold all that either the standing halt or the asked one holds."""
    ends = (standing.expires_at, expires_at)
    return {
        "expires_at": None if None in ends else max(end for end in ends if end),
        "is_reduce_only": standing.is_reduce_only and is_reduce_only,
    }


def _close(standing: TradingHalt, *, actor: str, reason: str, now: datetime) -> TradingHalt:
    standing.lifted_by, standing.lifted_at, standing.lift_reason = actor, now, reason
    standing.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    _record(standing, action="betting.lift", actor=actor, now=now, reason=reason)
    return standing


def _record(standing: TradingHalt, *, action: str, actor: str, now: datetime, reason: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=standing,
        at=now,
        reason=reason,
        scope=standing.scope,
        scope_id=standing.scope_id,
        rule=standing.rule,
        expires_at=standing.expires_at.isoformat() if standing.expires_at else None,
        is_reduce_only=standing.is_reduce_only,
    )


def _check_reason(reason: str, *, what: str) -> None:
    if not reason.strip():
        raise HaltRefused(f"give a reason for {what}")
    if len(reason) > LONGEST_REASON or "\x00" in reason:
        raise HaltRefused(f"a reason is plain text of {LONGEST_REASON} characters at most")


def _check(
    *, reason: str, scope: str, scope_id: int | None, expires_at: datetime | None, now: datetime
) -> None:
    _check_reason(reason, what="halting")
    if scope not in TradingHalt.Scope.values:
        raise HaltRefused(f"{scope!r} is no scope: {', '.join(TradingHalt.Scope.values)}")
    if (scope == TradingHalt.Scope.ALL) != (scope_id is None):
        raise HaltRefused("name the row to halt, except for ALL, which has none")
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise HaltRefused("a pause that ends by itself does so in the future, within a year")
    if scope_id is None:
        return
    named, _ = queries.HALTED_ROWS[scope]
    if not named._default_manager.filter(pk=scope_id).exists():
        raise HaltRefused(f"there is no {named._meta.verbose_name} #{scope_id}")
