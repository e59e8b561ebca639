"""Writing parts: whole or not at all, under a name that tells the content, then the manifest."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from markets.models import Competition, Season
from models_ml.domain.facts import EVER
from models_ml.models import StoreFile
from models_ml.services.store import layout
from models_ml.services.store.layout import Shelf
from monitoring.errors import TemporarilyFailed

State = StoreFile.State


class StoreNotWritten(TemporarilyFailed):
    """The disk did not take a file: it is full, or not ours to write."""


@dataclass(frozen=True, slots=True)
class About:
    """What a part is of."""

    part: str
    kind: str
    shelf: Shelf
    feature_set: str = ""
    competition: Competition | None = None
    season: Season | None = None
    known: tuple[int, int] | None = None  # the first and the last moment, in microseconds


def write(*, about: About, content: Any, now: datetime) -> StoreFile:
    """Write a part and its row of the manifest; what stood there before goes once that commits.

    A process killed at any point leaves the old row with the old file, or the new row with the
    new one, and at worst a file that no row names, which verifying removes.

    Raises:
        StoreNotWritten: the disk did not take it.
    """
    sha256, size = _put(about.part, content)
    low, high = about.known or (EVER, EVER)
    with transaction.atomic():
        before = StoreFile.objects.select_for_update().filter(part=about.part).first()
        row, _ = StoreFile.objects.update_or_create(
            part=about.part,
            defaults={
                "kind": about.kind,
                "sport": about.shelf.sport,
                "is_simulated": about.shelf.is_simulated,
                "feature_set": about.feature_set,
                "competition": about.competition,
                "season": about.season,
                "schema_version": layout.SCHEMA,
                "rows": content.num_rows,
                "bytes": size,
                "sha256": sha256,
                "min_known_at": _moment(low),
                "max_known_at": _moment(high),
                "written_at": now,
                "verified_at": None,
                "state": State.GOOD,
                "note": "",
            },
        )
        if before is not None and before.sha256 != sha256:
            _remove_later(layout.path(part=before.part, sha256=before.sha256))
    return row


def remove(*, row: StoreFile) -> None:
    """Take a part out of the manifest, and its file away once that commits."""
    with transaction.atomic():
        row.delete()
        _remove_later(layout.path(part=row.part, sha256=row.sha256))


def _put(part: str, content: Any) -> tuple[str, int]:
    """Write a file under the name of its content; return its SHA-256 and size."""
    import pyarrow.parquet as pq

    folder = (layout.folder() / part).parent
    draft: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".draft-")
        draft = Path(name)
        with os.fdopen(handle, "wb") as file:
            pq.write_table(content, file, compression="zstd", write_statistics=False)
            file.flush()
            os.fsync(file.fileno())
        with draft.open("rb") as written:
            sha256 = hashlib.file_digest(written, "sha256").hexdigest()
        size = draft.stat().st_size
        draft.replace(layout.path(part=part, sha256=sha256))
    except BaseException as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreNotWritten(f"{part}: {error.strerror or error}") from error
        raise
    _flush(folder)
    return sha256, size


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_later(path: Path) -> None:
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def _moment(microseconds: int) -> datetime | None:
    """Return a moment of the manifest; none where something is known since ever."""
    if microseconds <= EVER:
        return None
    return datetime.fromtimestamp(microseconds / 1e6, tz=UTC)
