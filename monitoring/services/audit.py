import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import models

from monitoring import columns
from monitoring.models import AuditEntry


def label(instance: models.Model) -> str:
    """Name a row without importing its class: "betting.Bet:42"."""
    return f"{instance._meta.label}:{instance.pk}"


def is_somebody(actor: str) -> bool:
    """Say whether a person, or a program of theirs, acted: not the clock, nor what it set off.

    >>> is_somebody("user:alice"), is_somebody("api:nightly"), is_somebody("task:settle_due")
    (True, True, False)
    """
    return actor.startswith(("user:", "api:", "cli:"))


def record(
    *, actor: str, action: str, subject: models.Model | str, at: datetime, **detail: object
) -> None:
    """Write one audit entry, inside the caller's transaction, so both stand or neither does.

    ``detail`` must be JSON: text, numbers, lists, dictionaries.
    """
    AuditEntry.objects.create(
        actor=actor,
        action=action,
        subject=subject if isinstance(subject, str) else label(subject),
        at=at,
        detail=detail,
    )


def record_all(
    *, actor: str, action: str, at: datetime, details: Mapping[str, Mapping[str, object]]
) -> None:
    """Write one entry per subject, all of the same action, in one statement.

    ``details`` maps a subject ("betting.Bet:42") to its detail, which must be JSON.
    """
    AuditEntry.objects.bulk_create(
        AuditEntry(actor=actor, action=action, subject=subject, at=at, detail=dict(detail))
        for subject, detail in details.items()
    )


def record_each(
    *, actor: str, action: str, at: datetime, subjects: Sequence[str], details: Sequence[str]
) -> None:
    """Write one entry per subject as ``record_all`` does, of very many: each detail is JSON."""
    entries = (f"[{json.dumps(s)},{detail}]" for s, detail in zip(subjects, details, strict=True))
    columns.run(
        "insert into monitoring_auditentry (actor, action, at, subject, detail)"
        " select %s, %s, %s, entry->>0, entry->1 from jsonb_array_elements(%s::jsonb) entry",
        [actor, action, at, f"[{','.join(entries)}]"],
    )
