"""Opening bankrolls, and the one way their balance moves."""

import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from betting.models import Bankroll
from models_ml.models import Replay
from monitoring.errors import Refused
from monitoring.services import audit


class BankrollRefused(Refused):
    """This bankroll cannot be opened so."""


def open_bankroll(
    *,
    name: str,
    kind: str,
    currency: str,
    time_zone: str,
    replay: Replay | None = None,
    is_simulated: bool = False,
    actor: str,
    now: datetime,
) -> Bankroll:
    """Open an empty bankroll; the same name again is the same bankroll.

    Money comes by a deposit in the ledger, never by this function.

    Raises:
        BankrollRefused: unknown time zone or kind, a replay where none belongs, or the name
            is taken by a bankroll of another sort.
    """
    _check(kind=kind, time_zone=time_zone, currency=currency, replay=replay)
    sort = {
        "kind": kind,
        "replay_id": replay.pk if replay else None,
        "is_simulated": is_simulated,
        "currency": currency,
    }
    with transaction.atomic():
        bankroll, created = Bankroll.objects.get_or_create(
            name=name, defaults={**sort, "time_zone": time_zone, "created_at": now}
        )
        if any(getattr(bankroll, field) != value for field, value in sort.items()):
            raise BankrollRefused(f"the name {name!r} belongs to another sort of bankroll")
        if created:
            audit.record(
                actor=actor,
                action="bankroll.opened",
                subject=bankroll,
                at=now,
                name=name,
                kind=kind,
                currency=currency,
                is_simulated=is_simulated,
            )
    return bankroll


def _check(*, kind: str, time_zone: str, currency: str, replay: Replay | None) -> None:
    if kind not in Bankroll.Kind.values:
        raise BankrollRefused(f"{kind!r} is no kind of bankroll: {', '.join(Bankroll.Kind.values)}")
    if (kind == Bankroll.Kind.REPLAY) != (replay is not None):
        raise BankrollRefused("a bankroll belongs to a replay exactly when its kind is REPLAY")
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise BankrollRefused(f"{currency!r} is no currency code such as EUR")
    try:
        zoneinfo.ZoneInfo(time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as no:
        raise BankrollRefused(f"{time_zone!r} is no time zone such as Europe/London") from no


def apply_movements(*, amounts: Mapping[int, Decimal]) -> None:
    """Add signed amounts of money to balances, by bankroll id, in one statement.

    Called by the ledger alone, inside the transaction that writes the transfers.

    Raises:
        RuntimeError: no transaction is open, or a bankroll does not exist: nothing was moved.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("balances move only inside the transaction of their transfers")
    if not amounts:
        return
    ids = sorted(amounts)
    with connection.cursor() as cursor:
        cursor.execute(
            "update betting_bankroll b set balance = b.balance + m.amount"
            " from unnest(%s::bigint[], %s::numeric[]) as m(id, amount) where b.id = m.id",
            [ids, [amounts[id_] for id_ in ids]],
        )
        if cursor.rowcount != len(ids):
            raise RuntimeError(f"a movement names a bankroll that does not exist: {ids}")
