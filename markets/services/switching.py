"""Switching a source or a book off, with a reason, and on again."""

from datetime import datetime
from typing import TypeVar

from django.db import transaction

from markets.models import Book, Source
from monitoring.errors import Refused
from monitoring.services import audit

Row = TypeVar("Row", Source, Book)


class SwitchRefused(Refused):
    """The source or the book stands so already, or no reason was given."""


def disable(*, source_code: str, reason: str, actor: str, now: datetime) -> Source:
    """Stop reading a source until somebody enables it.

    Raises:
        SwitchRefused: no reason, no such source, or it is disabled already.
    """
    return _switch(Source, source_code, to=False, reason=reason, actor=actor, now=now)


def enable(*, source_code: str, reason: str, actor: str, now: datetime) -> Source:
    """Read a source again at its cadence.

    Raises:
        SwitchRefused: no reason, no such source, or it is enabled already.
    """
    return _switch(Source, source_code, to=True, reason=reason, actor=actor, now=now)


def disable_book(*, book_code: str, reason: str, actor: str, now: datetime) -> Book:
    """Take no bets with a book, and leave its live prices out of the market's belief.

    What it shows is kept as history all the same.

    Raises:
        SwitchRefused: no reason, no such book, or it is disabled already.
    """
    return _switch(Book, book_code, to=False, reason=reason, actor=actor, now=now)


def enable_book(*, book_code: str, reason: str, actor: str, now: datetime) -> Book:
    """Take bets with a book again.

    Raises:
        SwitchRefused: no reason, no such book, or it is enabled already.
    """
    return _switch(Book, book_code, to=True, reason=reason, actor=actor, now=now)


def _switch(
    model: type[Row], code: str, *, to: bool, reason: str, actor: str, now: datetime
) -> Row:
    noun = str(model._meta.model_name)
    if not reason.strip():
        raise SwitchRefused("give a reason")
    with transaction.atomic():
        changed = model.objects.filter(code=code, is_enabled=not to).update(
            is_enabled=to, disabled_reason="" if to else reason.strip()[:250]
        )
        if not changed:
            raise SwitchRefused(
                f"there is no {noun} {code!r} that is {'disabled' if to else 'enabled'}"
            )
        row = model.objects.get(code=code)
        audit.record(
            actor=actor,
            action=f"markets.{'enable' if to else 'disable'}_{noun}",
            subject=row,
            at=now,
            reason=reason.strip(),
        )
    return row
