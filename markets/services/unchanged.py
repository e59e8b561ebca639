"""Asking only for what has changed: what each address said of its last whole answer.

It is kept once everything in the answer was recorded, never before: what could not be recorded is
asked for whole again.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from markets.models import AskedAddress, Source
from monitoring.errors import Refused
from monitoring.services import audit

#: An address that was not read for so long (a day's, a match's) is not asked again.
KEPT = timedelta(days=90)
_READ_SO = (
    "namespace", "time_zone", "options", "creates_names", "creates_players", "creates_books",
)  # fmt: skip
_ETAG_AT_MOST, _DATE_AT_MOST = 300, 60


class NothingToForget(Refused):
    """No such source, none of its addresses was read whole, or no reason was given."""


def digest_of(*, source: Source, address: str) -> str:
    """Return by what an address is found again while the source is read in the same way."""
    told = [address, [getattr(source, name) for name in _READ_SO]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def conditions(*, source: Source, digest: str) -> dict[str, str]:
    """Return the headers that ask for an answer only if it has changed; none: ask for it whole."""
    row = AskedAddress.objects.filter(source=source, digest=digest).first()
    if row is None:
        return {}
    told = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    return {name: value for name, value in told.items() if value}


def keep(
    *, source: Source, digest: str, shown: str, headers: Mapping[str, str], now: datetime
) -> None:
    """Keep what an answer that was recorded whole says of itself; forget what is long unread."""
    told = {name.lower(): value.strip() for name, value in headers.items()}
    etag = _sendable(told.get("etag", ""), _ETAG_AT_MOST)
    last_modified = _sendable(told.get("last-modified", ""), _DATE_AT_MOST)
    mine = AskedAddress.objects.filter(source=source)
    if not (etag or last_modified):
        mine.filter(digest=digest).delete()
        return
    _, is_new = AskedAddress.objects.update_or_create(
        source=source,
        digest=digest,
        defaults={
            "address": shown[:500], "etag": etag, "last_modified": last_modified, "read_at": now,
        },
    )  # fmt: skip
    if is_new:
        old = now - KEPT
        mine.filter(read_at__lt=old).exclude(unchanged_at__gte=old).delete()


def note(*, source: Source, digest: str, now: datetime) -> None:
    """Write down that an address has nothing new."""
    AskedAddress.objects.filter(source=source, digest=digest).update(
        unchanged_at=now, times_unchanged=F("times_unchanged") + 1
    )


def forget(*, source_code: str, reason: str, actor: str, now: datetime) -> Source:
    """Ask every address of a source whole once more, changed or not.

    Raises:
        NothingToForget: no reason, no such source, or it is asked so already.
    """
    if not reason.strip():
        raise NothingToForget("give a reason")
    with transaction.atomic():
        count, _ = AskedAddress.objects.filter(source__code=source_code).delete()
        if not count:
            raise NothingToForget(f"{source_code!r} is asked for everything as it is")
        source = Source.objects.get(code=source_code)
        audit.record(
            actor=actor,
            action="markets.forget_addresses",
            subject=source,
            at=now,
            reason=reason.strip(),
            addresses=count,
        )
    return source


def _sendable(value: str, at_most: int) -> str:
    """Return a header's value if it can be sent back as it came."""
    return value if len(value) <= at_most and value.isascii() and value.isprintable() else ""
