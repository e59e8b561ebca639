"""What is old leaves the database: months of history as Parquet files, rows and payloads for good.

How long each kind is kept is a row (``RetentionPolicy``) that an operator edits.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from markets.models import (
    Event,
    FetchProblem,
    ParkedRow,
    PayloadLook,
    QualityFinding,
    RawPayload,
    RetentionPolicy,
)
from markets.services import archiving, parquet, partitions
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

PRICES, LADDERS = partitions.PRICES, partitions.LADDERS
ARCHIVE, PROBLEMS, PARKED = "archive", "markets_fetchproblem", "markets_parkedrow"
FINDINGS = "markets_qualityfinding"
#: Days that each kind is kept where nobody has said otherwise.
DAYS = {PRICES: 730, LADDERS: 365, ARCHIVE: 730, PROBLEMS: 90, PARKED: 365, FINDINGS: 365}
ROWS_AT_ONCE = 10_000
CHANGEABLE = ("keep_days", "exports_parquet", "is_enabled")
DAYS_AT_MOST = 36_500


class UnknownPolicy(Refused):
    """There is no such table to keep for a time."""


class WrongPolicy(Refused):
    """Nothing can be kept so, or no reason was given."""


class PolicyChanged(Refused):
    """Somebody has changed the policy since it was read."""


class InUse(Refused):
    """Something that is not over needs these rows."""


def ensure_policies() -> None:
    """Make the policies that are missing; those that stand are the operator's."""
    RetentionPolicy.objects.bulk_create(
        [RetentionPolicy(table=table, keep_days=days) for table, days in DAYS.items()],
        ignore_conflicts=True,
    )


def stamp_of(policy: RetentionPolicy) -> str:
    """Return a text that changes whenever somebody changes the policy.

    >>> stamp_of(RetentionPolicy(keep_days=730)), stamp_of(RetentionPolicy(is_enabled=False))
    ('730-1-1', 'ever-1-0')
    """
    days = "ever" if policy.keep_days is None else policy.keep_days
    return f"{days}-{policy.exports_parquet:d}-{policy.is_enabled:d}"


def set_policy(
    *, table: str, keep_days: int | None, actor: str, reason: str, now: datetime
) -> RetentionPolicy:
    """Keep a table's rows for so many days from now on; None: for ever."""
    return change_policy(
        table=table, changes={"keep_days": keep_days}, actor=actor, reason=reason, now=now
    )


def change_policy(
    *,
    table: str,
    changes: Mapping[str, int | bool | None],
    actor: str,
    reason: str,
    now: datetime,
    expected: str | None = None,
) -> RetentionPolicy:
    """Change how long a table's rows are kept, whether as files too, or whether it is looked at.

    ``expected`` is the ``stamp_of`` what was read; None: whatever stands is changed.

    Raises:
        UnknownPolicy: no policy of this name.
        WrongPolicy: no reason, nothing to change, or no number of days.
        PolicyChanged: somebody has changed it since it was read.
    """
    days = changes.get("keep_days")
    if not reason.strip():
        raise WrongPolicy("Say why: the reason is kept in the audit.")
    if not changes or changes.keys() - set(CHANGEABLE):
        raise WrongPolicy(f"one of {', '.join(CHANGEABLE)} is changed")
    if days is not None and not 1 <= days <= DAYS_AT_MOST:
        raise WrongPolicy(f"days from 1 to {DAYS_AT_MOST} are kept, or for ever")
    ensure_policies()
    with transaction.atomic():
        policy = RetentionPolicy.objects.select_for_update().filter(table=table).first()
        if policy is None:
            raise UnknownPolicy(f"{table!r} is none of {', '.join(sorted(DAYS))}")
        if expected is not None and expected != stamp_of(policy):
            raise PolicyChanged(f"{policy} stands now: somebody has changed it")
        before = {name: getattr(policy, name) for name in changes}
        for name, value in changes.items():
            setattr(policy, name, value)
        policy.save(update_fields=list(changes))
        audit.record(
            actor=actor,
            action="markets.set_retention",
            subject=policy,
            at=now,
            reason=reason,
            before=before,
            after=dict(changes),
        )
    return policy


def retire_due(
    *, now: datetime, actor: str, dry_run: bool = False, progress: RunHandle | None = None
) -> dict[str, list[str] | int]:
    """Retire whatever is older than its policy allows; return the months, or how many rows."""
    ensure_policies()
    retired: dict[str, list[str] | int] = {}
    policies = RetentionPolicy.objects.filter(is_enabled=True, keep_days__isnull=False)
    for policy in policies.order_by("table"):
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=len(retired), total=len(DAYS), message=policy.table)
        before = now - timedelta(days=policy.keep_days or 0)
        if policy.table in (PRICES, LADDERS):
            found: list[str] | int = _retire_months(
                policy, before=before, now=now, actor=actor, dry_run=dry_run
            )
        else:
            found = _ROWS[policy.table](before, now, dry_run)
        retired[policy.table] = found
        if not dry_run:
            n = found if isinstance(found, int) else len(found)
            RetentionPolicy.objects.filter(pk=policy.pk).update(last_run_at=now, last_retired=n)
    return retired


def _retire_months(
    policy: RetentionPolicy, *, before: datetime, now: datetime, actor: str, dry_run: bool
) -> list[str]:
    done = []
    for name, (year, month) in sorted(partitions.standing(table=policy.table).items()):
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        if end > before or _is_needed(name, before=before):
            continue
        if not dry_run:
            retire_month(
                table=policy.table, name=name, is_exported=policy.exports_parquet,
                before=before, actor=actor, now=now,
            )  # fmt: skip
        done.append(name)
    return done


# Rows that came lately are kept however old the prices are: a history that was just imported.
# Events that are not over, or whose close is still to be recorded, need their prices.
_NEEDED = """
SELECT EXISTS (SELECT FROM "{name}" WHERE fetched_at >= %(before)s)
    OR EXISTS (
        SELECT FROM markets_event e
        JOIN markets_market m ON m.event_id = e.id
        JOIN markets_selection s ON s.market_id = m.id
        WHERE ((e.status = ANY(%(open)s) AND e.starts_at >= %(before)s)
               OR (e.close_recorded_for IS NULL AND NOT e.status = ANY(%(closeless)s)))
            AND EXISTS (SELECT FROM "{name}" p WHERE p.selection_id = s.id)
    )
"""
_OPEN = (Event.Status.SCHEDULED, Event.Status.LIVE, Event.Status.POSTPONED)
_CLOSELESS = (Event.Status.POSTPONED, Event.Status.CANCELLED)


def _is_needed(name: str, *, before: datetime) -> bool:
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "before": before,
            "open": list(_OPEN),
            "closeless": list(_CLOSELESS),
        }
        cursor.execute(_NEEDED.format(name=name), asked)
        return bool(cursor.fetchone()[0])


def retire_month(
    *, table: str, name: str, is_exported: bool, before: datetime, actor: str, now: datetime
) -> Path | None:
    """Write a month's rows to a file, check the file, and drop the month.

    Writers of the month wait meanwhile; the file is complete before a row is lost.

    Raises:
        InUse: something came into the month that is needed.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute("SET LOCAL statement_timeout = '10min'")
            cursor.execute(f'LOCK TABLE "{name}" IN SHARE MODE')
        if _is_needed(name, before=before):
            raise InUse(f"{name} holds rows that are needed")
        written = parquet.export(table=name, folder=folder()) if is_exported else None
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE {table} DETACH PARTITION "{name}"')
            cursor.execute(f'DROP TABLE "{name}"')
        audit.record(
            actor=actor,
            action="markets.retire_month",
            subject=f"month:{name}",
            at=now,
            file=written.path.name if written else "",
            rows=written.rows if written else None,
            sha256=written.sha256 if written else "",
        )
    return written.path if written else None


def bring_back(*, path: Path, actor: str, now: datetime) -> int:
    """Put a retired month's rows back; return how many were missing.

    The next retirement takes them away again unless the policy keeps them longer.

    Raises:
        parquet.Damaged: the file is not what was written.
        UnknownPolicy: the file is of no history of ours.
    """
    table, month = partitions.month_of(name=path.name.split(".")[0].split("-")[0])
    if table is None or month is None:
        raise UnknownPolicy(f"{path.name} is no month of {PRICES} or {LADDERS}")
    with transaction.atomic():
        partitions.ensure(months=[month], table=table)
        added = parquet.bring_back(path=path, table=table)
        audit.record(
            actor=actor,
            action="markets.bring_back_month",
            subject=f"month:{path.name.split('.')[0]}",
            at=now,
            rows=added,
        )
    return added


def folder() -> Path:
    """Return where retired months lie."""
    return Path(settings.ARCHIVE_DIR) / "retired"


def _problems(before: datetime, now: datetime, dry_run: bool) -> int:
    return _delete(FetchProblem.objects.filter(fetch__finished_at__lt=before), dry_run)


def _parked(before: datetime, now: datetime, dry_run: bool) -> int:
    settled = ParkedRow.objects.exclude(state=ParkedRow.State.WAITING)
    return _delete(settled.filter(settled_at__lt=before), dry_run)


def _findings(before: datetime, now: datetime, dry_run: bool) -> int:
    return _delete(QualityFinding.objects.filter(resolved_at__lt=before), dry_run)


def _delete(rows: Any, dry_run: bool) -> int:
    if dry_run:
        return int(rows.count())
    deleted = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        rows.model.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted


def _payloads(before: datetime, now: datetime, dry_run: bool) -> int:
    """Forget the contents of old payloads that nothing waits for; their records stay."""
    looks = PayloadLook.objects.filter(payload=OuterRef("pk"), fetched_at__gte=before)
    waiting = ParkedRow.objects.filter(payload=OuterRef("pk"), state=ParkedRow.State.WAITING)
    old = RawPayload.objects.filter(fetched_at__lt=before, retired_at__isnull=True).exclude(
        Exists(looks) | Exists(waiting)
    )
    if dry_run:
        return old.count()
    retired = 0
    for payload in old.iterator(chunk_size=1_000):
        RawPayload.objects.filter(pk=payload.pk).update(retired_at=now)
        archiving.path_of(sha256=payload.sha256).unlink(missing_ok=True)
        retired += 1
    return retired


_ROWS: Mapping[str, Callable[[datetime, datetime, bool], int]] = {
    ARCHIVE: _payloads,
    PROBLEMS: _problems,
    PARKED: _parked,
    FINDINGS: _findings,
}
