"""Reading archived payloads once more, exactly as they were read the first time."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from markets.connectors.base import Connector, ParsedBatch, Reading
from markets.connectors.payloads import BadPayload
from markets.connectors.registry import CONNECTORS
from markets.models import RawPayload, Source
from markets.services import archiving, reading
from monitoring.errors import Refused

COMPANIONS = "companions"  # among a look's options: files that were read beside it, by SHA-256


class NotThere(Refused):
    """The payload is in the archive no more, or not as it came."""


def batches(
    *,
    payload: RawPayload,
    name: str,
    options: Mapping[str, Any],
    fetched_at: datetime,
    source: Source,
) -> Iterator[ParsedBatch]:
    """Take a payload, or the member ``name`` of it, apart as the look did that saw it.

    Raises:
        NotThere: it was retired, is damaged, or no such member is in it.
    """
    if payload.retired_at is not None:
        raise NotThere(f"{name}: its payload was retired at {payload.retired_at:%Y-%m-%d}")
    try:
        archiving.check(sha256=payload.sha256)
    except archiving.Damaged as damaged:
        raise NotThere(f"{name}: {damaged}") from damaged
    connector = CONNECTORS[source.code]
    outer = _outer(name)
    with archiving.opened(sha256=payload.sha256) as stream:
        for member in reading.members(
            stream, name=outer, size=payload.size, source=source, connector=connector
        ):
            if member.name == name and member.stream is not None:
                reading_of_it = Reading(
                    name=name,
                    fetched_at=fetched_at,
                    options=options,
                    time_zone=source.time_zone,
                    companion=_companion(payload, outer, name, options, source),
                )
                yield from _batches(connector, member.stream, reading_of_it)
                return
    raise NotThere(f"{name}: it is not in the payload {payload.sha256[:12]}")


def _batches(connector: Connector, stream: Any, how: Reading) -> Iterator[ParsedBatch]:
    try:
        yield from reading.batches(stream, connector=connector, reading=how)
    except BadPayload as wrong:
        raise NotThere(f"{how.name}: {wrong}") from wrong


def _outer(name: str) -> str:
    """Return the payload's own name: what comes before a member's name in an archive's."""
    for at, character in enumerate(name):
        before = name[:at]
        if character == "/" and before.lower().endswith((".zip", ".tar")):
            return before
    return name


def _companion(
    payload: RawPayload, outer: str, name: str, options: Mapping[str, Any], source: Source
) -> Callable[[str], bytes | None]:
    kept = options.get(COMPANIONS, {})
    if outer != name:
        return reading.beside_in(
            lambda: archiving.opened(sha256=payload.sha256),
            outer=outer,
            size=payload.size,
            name=name,
            source=source,
        )

    def companion(wanted: str) -> bytes | None:
        if wanted not in kept:
            return None
        try:
            return archiving.read(sha256=kept[wanted])
        except (OSError, EOFError, archiving.Damaged) as gone:
            raise NotThere(f"{wanted}, which was read beside {name}: {gone}") from gone

    return companion
