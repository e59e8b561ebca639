"""One payload after the other: archived, looked at, taken apart, recorded."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

from markets.connectors.base import Connector, ParsedBatch, Problem, Reading
from markets.connectors.containers import Member
from markets.connectors.payloads import BadPayload
from markets.models import Fetch, PayloadLook, RawPayload, Source
from markets.services import archived, archiving, arriving, importing, reading, recording
from markets.services.arriving import Arrival
from markets.services.counts import Counts
from markets.services.look_report import LookReport
from markets.services.salvaging import Salvage
from markets.services.waiting import Look
from monitoring.domain.progress import RunHandle


@dataclass(slots=True)
class Taker:
    """Takes the payloads of one look; without a ``fetch`` nothing is kept."""

    source: Source
    connector: Connector
    report: LookReport
    since: date | None
    now: datetime
    fetch: Fetch | None
    progress: RunHandle | None
    is_live: bool = False  # its prices should be those of now
    looks: int = 0
    is_whole: bool = True  # everything of the payload at hand was recorded

    def take(self, arrival: Arrival) -> None:
        """Archive a payload and record what is in it, or note why it cannot be read."""
        self.is_whole = True
        self._take(arrival)
        is_all = self.is_whole and self.since is None and self.fetch is not None
        if arrival.recorded is not None and is_all:
            arrival.recorded()

    def _take(self, arrival: Arrival) -> None:
        report = self.report
        report.bytes += arrival.size if arrival.file is not None else 0
        payload = None
        if arrival.file is not None and self.fetch is not None:
            payload = archiving.archive_file(
                file=arrival.file, source=self.source, origin=arrival.origin, now=self.now
            )
        if arrival.wrong:
            self._refuse(arriving.problem_of(arrival), kind=arrival.kind)
        elif arrival.file is None:
            report.files += 1  # it answered that there is nothing
        elif payload is None:
            arrival.file.seek(0)
            self._members(arrival, arrival.file, None)
        else:
            with archiving.opened(sha256=payload.sha256) as stream:
                self._members(arrival, stream, payload)

    def _refuse(self, problem: Problem, *, kind: str) -> None:
        self.is_whole = False
        self.report.refuse(problem, kind=kind)

    def _members(self, arrival: Arrival, stream: BinaryIO, payload: RawPayload | None) -> None:
        found = reading.members(
            stream,
            name=arrival.name,
            size=arrival.size,
            source=self.source,
            connector=self.connector,
        )
        members = 0
        for member in found:
            members += 1
            if member.stream is None:
                wrong = member.wrong or BadPayload("a readable file")
                self._refuse(Problem(member.name, None, "", str(wrong)[:500]), kind=_kind_of(wrong))
            else:
                self._member(member, member.stream, arrival, payload)
        if not members:
            wanted = f"an archive that holds a {' or '.join(self.connector.suffixes)} file"
            problem = Problem(arrival.name, None, "", wanted[:500])
            self._refuse(problem, kind=Fetch.ErrorKind.BAD_PAYLOAD)

    def _member(
        self, member: Member, stream: BinaryIO, arrival: Arrival, payload: RawPayload | None
    ) -> None:
        """Read one payload and record it portion by portion."""
        options = importing.reading_options(source=self.source, name=member.name)
        if self.since is not None:
            options[reading.SINCE] = self.since.isoformat()
        allowed = importing.as_allowed(source=self.source, options=options)
        fetched_at = arrival.at + timedelta(microseconds=self.looks)
        row = self._looked(member.name, options, fetched_at, payload)
        look = None if payload is None else Look(payload.pk, member.name, options)
        how = Reading(
            name=member.name,
            fetched_at=fetched_at,
            options=options,
            time_zone=self.source.time_zone,
            companion=self._companion(member.name, options, arrival, payload),
        )
        try:
            self.report.files += self._portions(stream, how, allowed, look)
        except BadPayload as wrong:
            problem = Problem(member.name, None, "", str(wrong)[:500])
            self._refuse(problem, kind=_kind_of(wrong))
        if row is not None and archived.COMPANIONS in options:
            PayloadLook.objects.filter(pk=row.pk).update(options=options)

    def _portions(self, stream: BinaryIO, how: Reading, source: Source, look: Look | None) -> bool:
        """Record a payload portion by portion; say whether it could be read."""
        is_read = False
        salvage = Salvage(functools.partial(self._record, how=how, source=source, look=look))
        for batch in reading.batches(stream, connector=self.connector, reading=how):
            if not is_read and _is_unreadable(batch):
                self._unreadable(batch, how.name)
                return False
            for counts in salvage.counts(batch):
                self.report.add(counts)
                self.report.tell(counts.problems, file=how.name)
            is_read = True
        self.is_whole = self.is_whole and not salvage.refusals
        return is_read

    def _looked(
        self,
        name: str,
        options: Mapping[str, Any],
        fetched_at: datetime,
        payload: RawPayload | None,
    ) -> PayloadLook | None:
        """Write down that a payload was seen: this is what a replay reads again."""
        self.looks += 1
        if self.fetch is None or payload is None:
            return None
        return PayloadLook.objects.create(
            fetch=self.fetch,
            payload=payload,
            name=name[:500],
            ordinal=self.looks,
            fetched_at=fetched_at,
            options=dict(options),
        )

    def _companion(
        self, name: str, options: dict[str, Any], arrival: Arrival, payload: RawPayload | None
    ) -> Callable[[str], bytes | None] | None:
        """Return what opens files beside this one; what it opens is archived, to be found again."""
        opened = arrival.again
        if payload is not None:
            opened = functools.partial(archiving.opened, sha256=payload.sha256)
        if name.startswith(f"{arrival.name}/") and opened is not None:
            return reading.beside_in(
                opened,
                outer=arrival.name,
                size=arrival.size,
                name=name,
                source=self.source,
            )
        if arrival.beside is None or payload is None:
            return arrival.beside
        beside = arrival.beside

        def companion(wanted: str) -> bytes | None:
            content = beside(wanted)
            if content is not None:
                kept = archiving.archive(
                    payload=content,
                    source=self.source,
                    origin=f"{wanted}, beside {arrival.origin}",
                    now=self.now,
                )
                options.setdefault(archived.COMPANIONS, {})[wanted] = kept.sha256
            return content

        return companion

    def _unreadable(self, batch: ParsedBatch, name: str) -> None:
        self.is_whole = False
        self.report.tell(batch.problems, file=name)
        self.report.error_kind = self.report.error_kind or Fetch.ErrorKind.BAD_PAYLOAD

    def _record(
        self, batch: ParsedBatch, *, how: Reading, source: Source, look: Look | None
    ) -> Counts:
        return recording.record(
            batch=batch,
            source=source,
            now=self.now,
            fetched_at=how.fetched_at,
            look=look,
            is_live=self.is_live,
            progress=self.progress,
        )


def _is_unreadable(batch: ParsedBatch) -> bool:
    """Say whether a payload was refused whole: a problem of no row, and not one record."""
    if batch.records or batch.events or batch.notices:
        return False
    return any(problem.row is None for problem in batch.problems)


def _kind_of(wrong: BadPayload) -> str:
    return str(getattr(wrong, "kind", Fetch.ErrorKind.BAD_PAYLOAD))
