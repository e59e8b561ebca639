"""The breaker: a source that fails again and again is left alone, then tried by a single look.

It counts looks at addresses only; a file that somebody names is read whatever its state.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from markets.models import Fetch, Source
from monitoring.errors import Refused
from monitoring.services import audit

LONGEST_PAUSE = 3_600  # seconds
PAUSE_IN_CADENCES = 4
#: A look that tries a source is given this long before another one may.
PROBE = timedelta(minutes=15)

_Breaker = Source.Breaker
_Kind = Fetch.ErrorKind
#: They say nothing against the source: it asked to wait, somebody stopped, or the fault is ours.
_NOT_ITS_FAULT = frozenset({_Kind.RATE_LIMITED, _Kind.CANCELLED, _Kind.FAULT})


class LeftAlone(Refused):
    """The source is not asked now: its breaker is open, or it asked us to wait."""


class NothingToReset(Refused):
    """No such source, its breaker is closed and nothing makes it wait, or no reason was given."""


def ask_leave(*, source: Source, now: datetime) -> None:
    """See that a source may be asked now.

    Raises:
        LeftAlone: it may not, and until when.
    """
    reset = f"`manage.py sources reset {source.code}` asks it earlier"
    if source.not_before is not None and source.not_before > now:
        until = _moment(source.not_before)
        raise LeftAlone(f"{source.code} is not to be asked before {until}; {reset}")
    if not admit(source=source, now=now):
        source.refresh_from_db()
        raise LeftAlone(
            f"{source.code} failed {source.failures_in_a_row} times in a row and is left alone"
            f" until {_moment(source.breaker_retry_at)}; {reset}"
        )


def admit(*, source: Source, now: datetime) -> bool:
    """Say whether a look may ask now; of an open breaker's waiting looks one alone may."""
    row = Source.objects.filter(pk=source.pk)
    if row.filter(breaker_state=_Breaker.CLOSED).exists():
        return True
    tried = row.exclude(breaker_state=_Breaker.CLOSED).filter(breaker_retry_at__lte=now)
    return bool(tried.update(breaker_state=_Breaker.HALF_OPEN, breaker_retry_at=now + PROBE))


def note_success(*, source: Source, now: datetime) -> None:
    """Write down that the source could be read; its breaker closes."""
    row = Source.objects.filter(pk=source.pk)
    was_open = row.exclude(breaker_state=_Breaker.CLOSED)
    with transaction.atomic():
        if was_open.update(**_CLOSED):
            _audit(source, "markets.close_breaker", now, reason="it could be read again")
        row.update(last_attempt_at=now, last_success_at=now, failures_in_a_row=0)


def note_failure(
    *, source: Source, kind: str, wait: float = 0.0, is_asked: bool = True, now: datetime
) -> None:
    """Write down that the source could not be read, and leave it alone where that helps.

    ``wait``: the seconds that it asked us to wait.  Files that cannot be read (``is_asked`` is
    false) open no breaker.
    """
    with transaction.atomic():
        row = Source.objects.select_for_update().get(pk=source.pk)
        row.last_attempt_at = now
        row.failures_in_a_row = F("failures_in_a_row") + 1
        if wait:
            row.not_before = now + timedelta(seconds=wait)
        row.save(update_fields=["last_attempt_at", "failures_in_a_row", "not_before"])
        row.refresh_from_db()
        if not is_asked:
            return
        if row.breaker_state == _Breaker.HALF_OPEN:
            _open(row, now, kind, reopenings=row.breaker_reopenings + (kind not in _NOT_ITS_FAULT))
        elif (
            row.breaker_state == _Breaker.CLOSED
            and kind not in _NOT_ITS_FAULT
            and row.failures_in_a_row >= row.breaker_opens_after
        ):
            _open(row, now, kind, reopenings=0)


def reset(*, source_code: str, actor: str, reason: str, now: datetime) -> Source:
    """Ask a source again from now on: close its breaker and forget that it is to wait.

    Raises:
        NothingToReset: there is nothing to reset, or no reason was given.
    """
    if not reason.strip():
        raise NothingToReset("give a reason")
    with transaction.atomic():
        waiting = ~Q(breaker_state=_Breaker.CLOSED) | Q(not_before__gt=now)
        row = Source.objects.filter(waiting, code=source_code)
        if not row.update(**_CLOSED, failures_in_a_row=0, not_before=None):
            raise NothingToReset(f"there is no source {source_code!r} that is left alone")
        source = Source.objects.get(code=source_code)
        audit.record(
            actor=actor,
            action="markets.reset_breaker",
            subject=source,
            at=now,
            reason=reason.strip(),
        )
    return source


_CLOSED = {
    "breaker_state": _Breaker.CLOSED,
    "breaker_opened_at": None,
    "breaker_retry_at": None,
    "breaker_reopenings": 0,
}


def _open(row: Source, now: datetime, kind: str, *, reopenings: int) -> None:
    pause = pause_of(source=row, reopenings=reopenings)
    Source.objects.filter(pk=row.pk).update(
        breaker_state=_Breaker.OPEN,
        breaker_opened_at=row.breaker_opened_at or now,
        breaker_retry_at=now + pause,
        breaker_reopenings=min(reopenings, 1_000),
    )
    _audit(
        row, "markets.open_breaker", now, kind=kind, failures=row.failures_in_a_row,
        seconds=pause.total_seconds(),
    )  # fmt: skip


def pause_of(*, source: Source, reopenings: int) -> timedelta:
    """Return how long a source is left alone: twice as long with each trial that failed.

    Never longer than four of its cadences or an hour.
    """
    highest = min(source.cadence_seconds * PAUSE_IN_CADENCES, LONGEST_PAUSE)
    seconds = source.breaker_pause_seconds * 2 ** min(reopenings, 16)
    return timedelta(seconds=max(min(seconds, highest), 1))


def _audit(source: Source, action: str, now: datetime, **detail: object) -> None:
    audit.record(actor=f"source:{source.code}", action=action, subject=source, at=now, **detail)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else "now"
