"""Payloads as they came, compressed, by their SHA-256: any interval can be read again."""

import gzip
import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings

from markets.models import RawPayload, Source


def archive(*, payload: bytes, source: Source, origin: str, now: datetime) -> RawPayload:
    """Keep a payload once, however often it comes; return its record.

    The file stands complete under its name or not at all.
    """
    digest = hashlib.sha256(payload).hexdigest()
    path = path_of(sha256=digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(gzip.compress(payload, compresslevel=6, mtime=0))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    record, _ = RawPayload.objects.get_or_create(
        sha256=digest,
        defaults={
            "source": source,
            "origin": origin[:500],
            "size": len(payload),
            "fetched_at": now,
        },
    )
    return record


def read(*, sha256: str) -> bytes:
    """Return an archived payload as it came.

    Raises:
        ValueError: the file is not what its name says.
    """
    payload = gzip.decompress(path_of(sha256=sha256).read_bytes())
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise ValueError(f"the archived payload {sha256} is damaged")
    return payload


def path_of(*, sha256: str) -> Path:
    """Return where a payload lies or would lie."""
    return Path(settings.ARCHIVE_DIR) / sha256[:2] / f"{sha256}.gz"
