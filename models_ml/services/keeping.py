"""Files of figures beside the tables: written whole or not at all, named after their content."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from monitoring.errors import PermanentlyFailed, TemporarilyFailed


class FileNotKept(TemporarilyFailed):
    """The disk did not take a file: it is full, or not ours to write."""


class FileGone(PermanentlyFailed):
    """A file of figures is missing, or not what was written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file's name below the home, and its hash."""

    name: str
    sha256: str


def keep(*, folder: str, name: str, columns: Mapping[str, Any]) -> Kept:
    """Write columns as Parquet below the home; the same content is the same file.

    Raises:
        FileNotKept: the disk did not take it; nothing of it is left behind.
    """
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(dict(columns))
    place = Path(settings.CLOSINGLINE_HOME) / folder
    draft: Path | None = None
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle, text = tempfile.mkstemp(dir=place, prefix=".draft-")
        draft = Path(text)
        with os.fdopen(handle, "wb") as file:
            pyarrow.parquet.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        sha256 = hashlib.sha256(draft.read_bytes()).hexdigest()
        kept = Kept(f"{folder}/{name}-{sha256[:16]}.parquet", sha256)
        draft.replace(path(name=kept.name))
    except BaseException as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileNotKept(f"{folder}: {error.strerror or error}") from error
        raise
    return kept


def read(*, name: str, sha256: str) -> bytes:
    """Return a file that was kept.

    Raises:
        FileGone: it is missing, or not what was written.
    """
    try:
        content = path(name=name).read_bytes()
    except OSError as error:
        raise FileGone(f"{name}: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise FileGone(f"{name} is not what was written")
    return content


def path(*, name: str) -> Path:
    return Path(settings.CLOSINGLINE_HOME) / name
