"""Stopping all staking, or a part of it, and letting it go on."""

from datetime import datetime

from django.db import transaction

from betting.models import Strategy, TradingHalt
from markets.models import Book, Sport
from monitoring.errors import Refused
from monitoring.services import audit

_NAMED = {
    TradingHalt.Scope.STRATEGY: Strategy,
    TradingHalt.Scope.BOOK: Book,
    TradingHalt.Scope.SPORT: Sport,
}


class HaltRefused(Refused):
    """There is nothing to halt or to lift so, or no reason was given."""


def halt(
    *, reason: str, actor: str, now: datetime, scope: str = "ALL", scope_id: int | None = None
) -> TradingHalt:
    """Stop staking in a scope until it is lifted.  Halting twice is one halt.

    ``scope`` is ALL, STRATEGY, BOOK or SPORT; ``scope_id`` names the row, and is None for ALL.

    Raises:
        HaltRefused: no reason, an unknown scope, or a row that does not exist.
    """
    _check(reason=reason, scope=scope, scope_id=scope_id)
    with transaction.atomic():
        trading_halt, created = TradingHalt.objects.get_or_create(
            scope=scope,
            scope_id=scope_id,
            lifted_at=None,
            defaults={"reason": reason.strip(), "set_by": actor, "set_at": now},
        )
        if created:
            audit.record(
                actor=actor,
                action="betting.halt",
                subject=trading_halt,
                at=now,
                reason=trading_halt.reason,
                scope=scope,
                scope_id=scope_id,
            )
    return trading_halt


def lift(*, halt_id: int, actor: str, reason: str, now: datetime) -> TradingHalt:
    """Let staking go on in the halt's scope.

    Raises:
        HaltRefused: no reason, no such halt, or it was lifted before.
    """
    if not reason.strip():
        raise HaltRefused("give a reason for letting betting go on")
    with transaction.atomic():
        lifted = TradingHalt.objects.filter(pk=halt_id, lifted_at=None).update(
            lifted_by=actor, lifted_at=now, lift_reason=reason.strip()
        )
        if not lifted:
            raise HaltRefused(f"halt #{halt_id} does not stand")
        trading_halt = TradingHalt.objects.get(pk=halt_id)
        audit.record(
            actor=actor,
            action="betting.lift",
            subject=trading_halt,
            at=now,
            reason=trading_halt.lift_reason,
            scope=trading_halt.scope,
            scope_id=trading_halt.scope_id,
        )
    return trading_halt


def lift_scope(
    *, reason: str, actor: str, now: datetime, scope: str = "ALL", scope_id: int | None = None
) -> TradingHalt:
    """Lift the halt that stands on a scope.

    Raises:
        HaltRefused: no reason, or no halt stands on this scope.
    """
    standing = TradingHalt.objects.filter(scope=scope, scope_id=scope_id, lifted_at=None).first()
    if standing is None:
        name = scope if scope_id is None else f"{scope} {scope_id}"
        raise HaltRefused(f"no halt stands on {name}")
    return lift(halt_id=standing.pk, actor=actor, reason=reason, now=now)


def _check(*, reason: str, scope: str, scope_id: int | None) -> None:
    if not reason.strip():
        raise HaltRefused("give a reason for halting")
    if scope not in TradingHalt.Scope.values:
        raise HaltRefused(f"{scope!r} is no scope: {', '.join(TradingHalt.Scope.values)}")
    if (scope == TradingHalt.Scope.ALL) != (scope_id is None):
        raise HaltRefused("name the row to halt, except for ALL, which has none")
    if scope_id is None:
        return
    named = _NAMED[TradingHalt.Scope(scope)]
    if not named._default_manager.filter(pk=scope_id).exists():
        raise HaltRefused(f"there is no {named._meta.verbose_name} #{scope_id}")
