from datetime import datetime

from django.db import models

from monitoring.models import AuditEntry


def label(instance: models.Model) -> str:
    """Name a row without importing its class: "betting.Bet:42"."""
    return f"{instance._meta.label}:{instance.pk}"


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
