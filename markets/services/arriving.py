"""Payloads as they arrive: from files, from one address, from what a connector asks."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import BinaryIO, Self, cast

from markets.connectors import http
from markets.connectors.base import Answer, AskingConnector, Connector, Problem
from markets.connectors.payloads import error_said
from markets.models import Fetch, Source
from markets.services import asking, reading, sources, unchanged
from markets.services.look_report import LookReport

_HEAD = 65_536


@dataclass(slots=True)
class Arrival:
    """One payload: where it came from, when, and what it holds.

    ``wrong`` says why it cannot be used.  Without a ``file`` and nothing wrong, the source
    answered that there is nothing.
    """

    name: str
    origin: str
    at: datetime
    file: BinaryIO | None = None
    size: int = 0
    wrong: str = ""
    kind: str = ""
    beside: Callable[[str], bytes | None] | None = None
    again: Callable[[], BinaryIO] | None = None  # opens it once more
    recorded: Callable[[], None] | None = None  # to be called once all of it is recorded

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()


def shown(origin: str) -> str:
    """Return an origin as people may see it."""
    return http.redacted(origin) if reading.is_address(origin) else origin


def arrivals(
    *,
    source: Source,
    connector: Connector,
    places: list[reading.Place] | None,
    since: date | None,
    now: datetime,
    began: float,
    report: LookReport,
    asks_whole: bool = False,
) -> Generator[Arrival]:
    """Yield one payload after the other; each has a moment of its own.

    ``asks_whole``: answers that have not changed are wanted, too.

    Raises:
        OutsideFailed: an address could not be read.
        NoCredentials, CannotBeAsked: a secret is missing, or an option is wrong.
    """
    line = asking.line_to(
        source=source, connector=connector, now=now, asks_whole=asks_whole or since is not None
    )

    def later() -> datetime:
        report.asked_seconds = line.seconds
        return now + timedelta(seconds=perf_counter() - began)

    try:
        if places is None:
            sources.see_that_it_can_be_asked(source=source, connector=connector)
            found = asking.answers(
                line=line, connector=cast(AskingConnector, connector), since=since
            )
            for answer in found:
                yield _answered(answer, source, at=later())
            return
        for number, place in enumerate(places):
            if place.path is None:
                answer = line.get(place.origin, if_changed=not reading.is_live(source))
                yield _answered(answer, source, at=later())
            else:
                yield _file(place, place.path, source, at=now + timedelta(microseconds=number))
    finally:
        report.asked_seconds = line.seconds


def _file(place: reading.Place, path: Path, source: Source, *, at: datetime) -> Arrival:
    arrival = Arrival(
        place.name, place.origin, at, beside=reading.beside(path), again=lambda: path.open("rb")
    )
    try:
        arrival.size = path.stat().st_size
        if arrival.size > source.max_bytes:
            raise OSError(f"larger than {source.max_bytes} bytes")
        arrival.file = path.open("rb")
    except OSError as unreadable:
        arrival.wrong = f"a readable file: {unreadable}"
        is_large = arrival.size > source.max_bytes
        arrival.kind = Fetch.ErrorKind.TOO_LARGE if is_large else Fetch.ErrorKind.BAD_PAYLOAD
    return _judged(arrival)


def _answered(answer: Answer, source: Source, *, at: datetime) -> Arrival:
    """Return an answer as a payload, and what to keep once it is recorded."""
    arrival = Arrival(answer.name, answer.origin, at)
    if answer.status in (http.NO_CONTENT, http.NOT_MODIFIED):
        if answer.address and answer.status == http.NOT_MODIFIED:
            arrival.recorded = partial(unchanged.note, source=source, digest=answer.address, now=at)
        return arrival
    if answer.address:
        arrival.recorded = partial(
            unchanged.keep,
            source=source,
            digest=answer.address,
            shown=answer.origin,
            headers=answer.headers,
            now=at,
        )
    if isinstance(answer.payload, Path):
        arrival.file = answer.payload.open("rb")
        arrival.size = answer.payload.stat().st_size
    else:
        arrival.file, arrival.size = BytesIO(answer.payload), len(answer.payload)
    return _judged(arrival)


def _judged(arrival: Arrival) -> Arrival:
    """Tell an error that stands where data should."""
    if arrival.file is None or arrival.size > _HEAD:
        return arrival
    said = error_said(arrival.file.read(_HEAD))
    arrival.file.seek(0)
    if said:
        arrival.wrong, arrival.kind = f"data, not the error {said!r}", Fetch.ErrorKind.ERROR_BODY
    return arrival


def problem_of(arrival: Arrival) -> Problem:
    """Return what is wrong with a payload that cannot be read."""
    return Problem(arrival.name, None, "", arrival.wrong[:500])
