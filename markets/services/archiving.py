"""Payloads as they came, compressed, by their SHA-256: any interval can be read again."""

import gzip
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings

from markets.connectors import containers
from markets.models import RawPayload, Source

_CHUNK = 256 * 1024
_PLAIN, _PACKED = ".gz", ".raw"  # gzipped by us, or kept as it came because it is packed already


class Damaged(ValueError):
    """The file is not what its name says."""


def archive(*, payload: bytes, source: Source, origin: str, now: datetime) -> RawPayload:
    """Keep a payload that is in memory; see ``archive_stream``."""
    return archive_stream(chunks=[payload], source=source, origin=origin, now=now)


def archive_file(*, file: BinaryIO, source: Source, origin: str, now: datetime) -> RawPayload:
    """Keep what a file holds; one that is in the archive already is not compressed again."""
    file.seek(0)
    digest = hashlib.sha256()
    size = 0
    for chunk in _chunks(file):
        digest.update(chunk)
        size += len(chunk)
    found = _standing(digest.hexdigest())
    if found is None:
        file.seek(0)
        return archive_stream(chunks=_chunks(file), source=source, origin=origin, now=now)
    file.seek(0)
    head = file.read(512)
    return _record(found, digest.hexdigest(), size, head, source=source, origin=origin, now=now)


def archive_stream(
    *, chunks: Iterable[bytes], source: Source, origin: str, now: datetime
) -> RawPayload:
    """Keep a payload once, however often it comes, piece by piece; return its record.

    The file stands complete under its name or not at all.
    """
    folder = Path(settings.ARCHIVE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    pieces = iter(chunks)
    head = next(pieces, b"")
    ending = _PACKED if _is_packed(head) else _PLAIN
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            digest, size = _write(file, head, pieces, is_packed=ending == _PACKED)
            file.flush()
            os.fsync(file.fileno())
        path = _path(digest, ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return _record(path, digest, size, head, source=source, origin=origin, now=now)


def _write(
    file: BinaryIO, head: bytes, pieces: Iterator[bytes], *, is_packed: bool
) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    out: Any = file if is_packed else gzip.GzipFile("", "wb", 6, file, mtime=0)
    piece = head
    while piece:
        digest.update(piece)
        size += len(piece)
        out.write(piece)
        piece = next(pieces, b"")
    if out is not file:
        out.close()
    return digest.hexdigest(), size


def _record(
    path: Path,
    digest: str,
    size: int,
    head: bytes,
    *,
    source: Source,
    origin: str,
    now: datetime,
) -> RawPayload:
    record, is_new = RawPayload.objects.get_or_create(
        sha256=digest,
        defaults={
            "source": source,
            "origin": origin[:500],
            "size": size,
            "fetched_at": now,
            "media": _media(head),
            "stored_bytes": path.stat().st_size,
        },
    )
    if not is_new and record.retired_at is not None:
        RawPayload.objects.filter(pk=record.pk).update(retired_at=None)
        record.retired_at = None
    return record


def read(*, sha256: str) -> bytes:
    """Return an archived payload as it came.

    Raises:
        Damaged: the file is not what its name says.
    """
    with opened(sha256=sha256) as file:
        payload = file.read()
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise Damaged(f"the archived payload {sha256} is damaged")
    return payload


def opened(*, sha256: str) -> BinaryIO:
    """Open an archived payload as it came.

    Raises:
        FileNotFoundError: it is not in the archive.
    """
    path = path_of(sha256=sha256)
    if path.suffix == _PACKED:
        return path.open("rb")
    return cast(BinaryIO, gzip.GzipFile(path, "rb"))


def check(*, sha256: str) -> None:
    """See that an archived payload is whole.

    Raises:
        Damaged: it is not, or it is not there.
    """
    digest = hashlib.sha256()
    try:
        with opened(sha256=sha256) as file:
            for chunk in _chunks(file):
                digest.update(chunk)
    except (OSError, EOFError) as broken:
        raise Damaged(f"the archived payload {sha256} cannot be read: {broken}") from broken
    if digest.hexdigest() != sha256:
        raise Damaged(f"the archived payload {sha256} is damaged")


def path_of(*, sha256: str) -> Path:
    """Return where a payload lies or would lie."""
    return _standing(sha256) or _path(sha256, _PLAIN)


def _standing(sha256: str) -> Path | None:
    found = (_path(sha256, ending) for ending in (_PLAIN, _PACKED))
    return next((path for path in found if path.exists()), None)


def _path(sha256: str, ending: str) -> Path:
    return Path(settings.ARCHIVE_DIR) / sha256[:2] / f"{sha256}{ending}"


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _is_packed(head: bytes) -> bool:
    return containers.kind_of(head) in ("gz", "bz2", "zip") or head.startswith(b"PAR1")


def _media(head: bytes) -> str:
    """Tell by its first bytes what a payload is."""
    if head.startswith(b"PAR1"):
        return RawPayload.Media.PARQUET
    if head.startswith(b"PK\x03\x04") and b"[Content_Types].xml" in head[:512]:
        return RawPayload.Media.XLSX
    if _is_packed(head) or b"\0" in head[:512]:
        return RawPayload.Media.BINARY
    is_json = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
    return RawPayload.Media.JSON if is_json else RawPayload.Media.TEXT
