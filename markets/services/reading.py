"""Where payloads come from: a file, a folder, or an address; and how one is taken apart."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import numpy as np

from markets.connectors import containers
from markets.connectors.base import Connector, ParsedBatch, Reading, ReadingConnector
from markets.connectors.containers import Limits, Member
from markets.models import Source
from monitoring.errors import Refused

#: A connector that takes payloads whole gets none that is larger.
PARSED_AT_MOST = 4 * 1024 * 1024
SINCE = "since"  # among a look's options: events that start before this day are left out
LIVE_CADENCE = 900  # seconds
COMPANION_AT_MOST = 16 * 1024 * 1024


class NothingToRead(Refused):
    """There is no such file, no file of this kind in the folder, or no place was named."""


@dataclass(frozen=True, slots=True)
class Place:
    """One payload that can be had: its short name for people, and where it is."""

    name: str
    origin: str
    path: Path | None = None


def is_live(source: Source) -> bool:
    """Say whether a source is asked so often that it tells prices of now."""
    return source.cadence_seconds <= LIVE_CADENCE


def is_address(location: str) -> bool:
    """Say whether a location is to be asked over HTTP."""
    return location.startswith(("http://", "https://"))


def places(
    *, source: Source, connector: Connector, path: str | None, url: str | None
) -> list[Place]:
    """List what there is to read, in a fixed order; without a place, the source's own.

    Raises:
        NothingToRead: nothing.
    """
    if path is None and url is None:
        own = source.location
        path, url = (None, own) if is_address(own) else (own or None, None)
    if url is not None:
        return [Place(name_of(url), url)]
    if path is None:
        raise NothingToRead(f"{source.code} has no location: name a path or a URL")
    return _in_path(Path(path).expanduser(), connector)


def name_of(url: str) -> str:
    """Keep the end of an address that may tell a season and a division.

    >>> name_of("https://www.example.org/mmz4281/2324/E0.csv?x=1")
    '2324/E0.csv'
    """
    parts = [part for part in unquote(urlsplit(url).path).split("/") if part]
    return "/".join(parts[-2:]) or url.partition("?")[0]


def _in_path(path: Path, connector: Connector) -> list[Place]:
    if path.is_file():
        return [Place(path.name, str(path), path)]
    if not path.is_dir():
        raise NothingToRead(f"{path} is neither a file nor a folder")
    wanted, key = wants(connector), order(connector)
    found = [
        Place(str(file.relative_to(path)), str(file), file)
        for file in path.rglob("*")
        if (wanted(containers.plain_name(file.name)) or containers.is_packed(file.name))
        and file.is_file()
    ]
    if not found:
        raise NothingToRead(f"{path} holds no {' or '.join(connector.suffixes)} file")
    return sorted(found, key=lambda place: (key(containers.plain_name(place.name)), place.name))


def wants(connector: Connector) -> Callable[[str], bool]:
    """Return what says whether a file of a name is one of this source's."""
    return lambda name: name.lower().endswith(connector.suffixes)


def order(connector: Connector) -> Callable[[str], Any]:
    """Return what a source's files are sorted by."""
    return connector.order if isinstance(connector, ReadingConnector) else str


def members(
    stream: BinaryIO, *, name: str, size: int, source: Source, connector: Connector
) -> Iterator[Member]:
    """Yield what is to be read in one payload, within the source's limits."""
    return containers.members(
        stream,
        name=name,
        size=size,
        limits=Limits(source.max_expanded_bytes, source.max_ratio),
        wants=wants(connector),
        order=order(connector),
    )


def batches(stream: BinaryIO, *, connector: Connector, reading: Reading) -> Iterator[ParsedBatch]:
    """Take one payload apart, in portions where the connector can, as its options say.

    Raises:
        BadPayload: it is larger than may be taken whole.
    """
    since = reading.options.get(SINCE)
    for batch in _portions(stream, connector, reading):
        yield batch if since is None else _from(batch, date.fromisoformat(since))


def _portions(stream: BinaryIO, connector: Connector, reading: Reading) -> Iterator[ParsedBatch]:
    if isinstance(connector, ReadingConnector):
        yield from connector.read(stream, reading=reading)
        return
    payload = stream.read(PARSED_AT_MOST + 1)
    if len(payload) > PARSED_AT_MOST:
        raise containers.TooLarge(f"up to {PARSED_AT_MOST} bytes")
    yield connector.parse(payload, name=reading.name, fetched_at=reading.fetched_at)


def _from(batch: ParsedBatch, day: date) -> ParsedBatch:
    """Leave out the events that start before a day, and the records that speak of no other."""
    early = {e.ref for e in batch.events if e.starts_at is not None and e.starts_at.date() < day}
    if not early:
        return batch
    columns = batch.all_prices()
    is_kept = np.array([key[0] not in early for key in columns.keys], dtype=bool)
    kept: dict[str, Any] = {
        name: [fact for fact in getattr(batch, name) if fact.event_ref not in early]
        for name in ("results", "markets", "ladders", "notices")
    }
    events = [event for event in batch.events if event.ref not in early]
    told = {event.record for event in events}.union(
        *({fact.record for fact in facts} for facts in kept.values())
    )
    left_out = {e.record for e in batch.events if e.ref in early and e.record} - told
    rejected = {problem.row for problem in batch.problems if problem.is_rejection}
    return replace(
        batch,
        **kept,
        events=events,
        prices=(),
        columns=columns.at(is_kept[columns.key]),
        records=batch.records - len(left_out - rejected),
    )


def beside(path: Path) -> Callable[[str], bytes | None]:
    """Return what opens a small file that lies beside another, by its name alone."""

    def companion(name: str) -> bytes | None:
        found = path.parent / name
        if Path(name).name != name or not found.is_file():
            return None
        if found.stat().st_size > COMPANION_AT_MOST:
            return None
        return found.read_bytes()

    return companion


def beside_in(
    opened: Callable[[], BinaryIO], *, outer: str, size: int, name: str, source: Source
) -> Callable[[str], bytes | None]:
    """Return what opens a small file beside a member of an archive, by its name alone.

    ``opened`` opens the archive, whose name is ``outer``; ``name`` is the member's.
    """
    folder = name.rpartition("/")[0]

    def companion(wanted: str) -> bytes | None:
        with opened() as stream:
            found = containers.members(
                stream,
                name=outer,
                size=size,
                limits=Limits(source.max_expanded_bytes, source.max_ratio),
                wants=lambda inner: inner.rpartition("/")[2] == wanted,
            )
            for member in found:
                if member.stream is not None and member.name == f"{folder}/{wanted}":
                    return member.stream.read(COMPANION_AT_MOST)
        return None

    return companion
