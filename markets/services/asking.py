"""Asking a source over HTTP: its connector says what, this says how far and how often."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from io import BytesIO
from typing import Any

from markets.connectors import http
from markets.connectors.base import Answer, Asked, AskingConnector, Quota, QuotaConnector
from markets.domain import quotas
from markets.models import Source
from markets.services import credentials, reading, unchanged


@dataclass(slots=True)
class Line:
    """One look's way to a source: how long it waited for answers, and what is left to ask."""

    source: Source
    now: datetime
    quota_of: QuotaConnector | None = None
    asks_whole: bool = False  # whatever an address said of its last answer
    seconds: float = 0.0
    requests: int = 0
    quota: Quota | None = field(default=None)

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        secret_params: frozenset[str] = frozenset(),
        keep: bool = True,
        certificate: http.Certificate | None = None,
        if_changed: bool = False,
    ) -> Answer:
        """Ask one address.  Nothing is archived but what ``ask`` yields.

        ``keep=False`` says so of what must never be yielded: a login's answer.  ``if_changed``:
        the answer may be that nothing has changed since it was last recorded whole.

        Raises:
            OutsideFailed: it did not answer with content; ``kind`` says how it failed.
        """
        given = {name: str(value) for name, value in (params or {}).items()}
        request = http.Request(url, given, headers or {}, body, secret_params, certificate)
        digest = ""
        if if_changed and body is None:
            digest = unchanged.digest_of(source=self.source, address=request.address)
            if not self.asks_whole:
                known = unchanged.conditions(source=self.source, digest=digest)
                request = replace(request, headers={**known, **request.headers})
        into = BytesIO()
        began = time.perf_counter()
        try:
            reply = http.send(
                request,
                into=into,
                timeout_seconds=self.source.timeout_seconds,
                max_bytes=self.source.max_bytes,
            )
        finally:
            self.seconds += time.perf_counter() - began
            self.requests += 1
        self._note_quota(reply.headers)
        name = reading.name_of(url)
        return Answer(name, reply.shown, into.getvalue(), reply.headers, reply.status, digest)

    def _note_quota(self, headers: Mapping[str, str]) -> None:
        """Keep what the answer tells of the quota; one that is used up ends the asking."""
        told = self.quota_of.quota(headers) if self.quota_of is not None else None
        if told is None:
            return
        self.quota = told
        is_over = told.remaining is not None and told.remaining <= 0
        changes: dict[str, Any] = {
            "quota_limit": told.limit,
            "quota_used": told.used,
            "quota_remaining": told.remaining,
            "quota_resets_at": told.resets_at,
            "quota_read_at": self.now,
        }
        if is_over:
            changes["not_before"] = quotas.resets_at(told=told.resets_at, now=self.now)
        Source.objects.filter(pk=self.source.pk).update(**changes)


def line_to(*, source: Source, connector: object, now: datetime, asks_whole: bool = False) -> Line:
    """Return a way to a source that notes what the answers tell of its quota."""
    quota_of = connector if isinstance(connector, QuotaConnector) else None
    return Line(source, now, quota_of, asks_whole)


def answers(*, line: Line, connector: AskingConnector, since: date | None) -> Iterator[Answer]:
    """Ask what the connector asks, one address after the other.

    Raises:
        credentials.NoCredentials: a secret is missing.
        OutsideFailed: an address did not answer.
    """
    source = line.source
    asked = Asked(
        options=dict(source.options),
        location=source.location,
        since=since,
        credentials=credentials.named(source.credentials),
        now=line.now,
        quota=_quota(source),
    )
    yield from connector.ask(asked=asked, get=line.get)


def _quota(source: Source) -> Quota | None:
    if source.quota_read_at is None:
        return None
    return Quota(
        limit=source.quota_limit,
        used=source.quota_used,
        remaining=source.quota_remaining,
        resets_at=source.quota_resets_at,
    )
