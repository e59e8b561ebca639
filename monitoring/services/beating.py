"""Who is alive: heartbeats, and the lease that lets one beat at a time publish."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from monitoring.errors import Refused
from monitoring.models import BeatLease, Heartbeat

BEAT = "beat"
WORKER = "worker:"
LEASE = "15 seconds"  # an interval of PostgreSQL, by whose clock the lease runs


class LeaseLost(Refused):
    """Another beat has taken over; this one must not publish."""


def beat_heart(*, name: str, now: datetime, detail: Mapping[str, object] | None = None) -> None:
    """Say that the named process is alive."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name[:120], at=now, detail=dict(detail or {}))],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at", "detail"],
    )


@dataclass
class Lease:
    """One process's claim to be the beat.

    Times are PostgreSQL's, so the holders' clocks need not agree.  ``token`` grows with every
    new holder: it is written beside what a holder does, and tells an old one from the new.
    """

    holder: str
    token: int | None = None
    name: str = field(default=BEAT)

    def keep(self) -> bool:
        """Take the lease or lengthen it; tell whether this process holds it now."""
        if self.token is not None and self._lengthen():
            return True
        self.token = None
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into monitoring_beatlease as l (name, holder, token, expires_at)"
                " values (%s, %s, 1, clock_timestamp() + %s::interval)"
                " on conflict (name) do update set holder = excluded.holder,"
                " token = l.token + 1, expires_at = excluded.expires_at"
                " where l.expires_at < clock_timestamp() returning token",
                [self.name, self.holder, LEASE],
            )
            row = cursor.fetchone()
        self.token = row[0] if row else None
        return self.token is not None

    def check(self) -> None:
        """Fence the caller's transaction: nobody can take over before it ends.

        Raises:
            LeaseLost: somebody has taken over, or the lease ran out while we were frozen.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "select 1 from monitoring_beatlease where name = %s and holder = %s"
                " and token = %s and expires_at > clock_timestamp() for share",
                [self.name, self.holder, self.token],
            )
            if cursor.fetchone() is None:
                raise LeaseLost(f"{self.holder} holds the lease of {self.name} no longer")

    def release(self) -> None:
        """Let the next one take over at once."""
        if self.token is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "update monitoring_beatlease set expires_at = clock_timestamp()"
                " where name = %s and holder = %s and token = %s",
                [self.name, self.holder, self.token],
            )
        self.token = None

    def current_holder(self) -> str:
        """Return who holds it, for telling the operator why this one waits."""
        row = BeatLease.objects.filter(name=self.name).first()
        return row.holder if row else ""

    def _lengthen(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "update monitoring_beatlease set expires_at = clock_timestamp() + %s::interval"
                " where name = %s and holder = %s and token = %s"
                " and expires_at > clock_timestamp()",
                [LEASE, self.name, self.holder, self.token],
            )
            return bool(cursor.rowcount)
