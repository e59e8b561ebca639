"""Switching a source off, with a reason, and on again."""

from datetime import datetime

from django.db import transaction

from markets.models import Source
from monitoring.errors import Refused
from monitoring.services import audit


class SwitchRefused(Refused):
    """The source stands so already, or no reason was given."""


def disable(*, source_code: str, reason: str, actor: str, now: datetime) -> Source:
    """Stop reading a source until somebody enables it.

    Raises:
        SwitchRefused: no reason, no such source, or it is disabled already.
    """
    return _switch(source_code, to=False, reason=reason, actor=actor, now=now)


def enable(*, source_code: str, reason: str, actor: str, now: datetime) -> Source:
    """Read a source again at its cadence.

    Raises:
        SwitchRefused: no reason, no such source, or it is enabled already.
    """
    return _switch(source_code, to=True, reason=reason, actor=actor, now=now)


def _switch(source_code: str, *, to: bool, reason: str, actor: str, now: datetime) -> Source:
    if not reason.strip():
        raise SwitchRefused("give a reason")
    with transaction.atomic():
        changed = Source.objects.filter(code=source_code, is_enabled=not to).update(
            is_enabled=to, disabled_reason="" if to else reason.strip()[:250]
        )
        if not changed:
            raise SwitchRefused(
                f"there is no source {source_code!r} that is {'disabled' if to else 'enabled'}"
            )
        source = Source.objects.get(code=source_code)
        audit.record(
            actor=actor,
            action="markets.enable_source" if to else "markets.disable_source",
            subject=source,
            at=now,
            reason=reason.strip(),
        )
    return source
