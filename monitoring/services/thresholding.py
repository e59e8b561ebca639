"""Changing the numbers that decide: within their bounds, with a reason, audited."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from monitoring import thresholds
from monitoring.domain import thresholds as domain
from monitoring.errors import Refused
from monitoring.models import Threshold
from monitoring.services import audit

LONGEST_REASON = 250


class UnknownThreshold(Refused):
    """There is no such number."""


class ThresholdRefused(Refused):
    """The number cannot be that, is so already, or no reason was given."""


@dataclass(frozen=True, slots=True)
class Stand:
    """What one threshold is now, and who made it so; ``declared`` None: nothing reads the row."""

    key: str
    declared: domain.Threshold | None
    changed_to: float | None  # None: the default holds
    reason: str = ""
    changed_by: str = ""
    changed_at: datetime | None = None

    @property
    def value(self) -> float | None:
        """Return the number that holds; None for a row that nothing reads."""
        if self.declared is None:
            return None
        return domain.holding(threshold=self.declared, changed_to=self.changed_to)


@dataclass(slots=True)
class Synced:
    """What a sync did, by key."""

    created: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)  # unchanged, and declared no longer
    unused: list[str] = field(default_factory=list)  # changed once, declared no longer


def sync() -> Synced:
    """Bring the rows to what the code declares; what an operator changed is never undone."""
    rows = dict(Threshold.objects.values_list("key", "value"))
    gone = sorted(rows.keys() - domain.DECLARED.keys())
    synced = Synced(
        created=sorted(domain.DECLARED.keys() - rows.keys()),
        dropped=[key for key in gone if rows[key] is None],
        unused=[key for key in gone if rows[key] is not None],
    )
    with transaction.atomic():
        Threshold.objects.filter(key__in=synced.dropped, value__isnull=True).delete()
        Threshold.objects.bulk_create(
            [Threshold(key=key) for key in synced.created], ignore_conflicts=True
        )
    return synced


def stands() -> list[Stand]:
    """Return every threshold, by key, whether its row stands already or not; one query."""
    rows = {row.key: row for row in Threshold.objects.all()}
    return [
        stand_of(rows.get(key) or Threshold(key=key))
        for key in sorted(domain.DECLARED.keys() | rows.keys())
    ]


def stand_of(row: Threshold) -> Stand:
    """Return what a row makes of its threshold."""
    return Stand(
        key=row.key,
        declared=domain.DECLARED.get(row.key),
        changed_to=row.value,
        reason=row.reason,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )


def change(*, key: str, value: float, actor: str, reason: str, now: datetime) -> Threshold:
    """Let a number decide instead of its default, or of what it was changed to before.

    Raises:
        UnknownThreshold: nothing is declared under this key.
        ThresholdRefused: no reason, out of its bounds, or it is that number already.
    """
    declared = _declared(key)
    if wrong := domain.wrong_with(threshold=declared, value=value):
        raise ThresholdRefused(wrong)
    return _set(declared, float(value), actor=actor, reason=reason, now=now)


def back_to_default(*, key: str, actor: str, reason: str, now: datetime) -> Threshold:
    """Let the default decide again, also where a later version declares another one.

    Raises:
        UnknownThreshold: nothing is declared under this key.
        ThresholdRefused: no reason, or the default holds already.
    """
    return _set(_declared(key), None, actor=actor, reason=reason, now=now)


def _declared(key: str) -> domain.Threshold:
    if key not in domain.DECLARED:
        raise UnknownThreshold(f"there is no threshold {key!r}")
    return domain.DECLARED[key]


def _set(
    declared: domain.Threshold, value: float | None, *, actor: str, reason: str, now: datetime
) -> Threshold:
    reason = reason.strip()
    if not reason:
        raise ThresholdRefused("give a reason")
    if len(reason) > LONGEST_REASON:
        raise ThresholdRefused(f"a reason has {LONGEST_REASON} characters at most")
    with transaction.atomic():
        Threshold.objects.bulk_create([Threshold(key=declared.key)], ignore_conflicts=True)
        row = Threshold.objects.select_for_update().get(key=declared.key)
        if row.value == value:
            shown = declared.in_words(declared.default if value is None else value)
            at = "at its default, " if value is None else ""
            raise ThresholdRefused(f"{declared.key} is {at}{shown} already")
        before, row.value = row.value, value
        row.reason, row.changed_by, row.changed_at = reason, actor, now
        row.save(update_fields=_CHANGED)
        audit.record(
            actor=actor,
            action="monitoring.set_threshold",
            subject=row,
            at=now,
            key=declared.key,
            reason=reason,
            before=before,
            after=value,
            default=declared.default,
        )
        transaction.on_commit(thresholds.forget)
    return row


_CHANGED: Sequence[str] = ("value", "reason", "changed_by", "changed_at")
