"""Reading parts: only what is what was written, each file hashed once by a process."""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models_ml.domain.facts import Books, Facts, Quotes, Table
from models_ml.domain.features import microseconds
from models_ml.models import StoreFile
from models_ml.queries import facts as tables
from models_ml.services.store import columns, layout
from models_ml.services.store.columns import CacheDamaged
from models_ml.services.store.layout import Shelf

_seen: dict[str, tuple[int, int]] = {}  # path -> time of change and size when it was hashed
_lock = threading.Lock()


def read(*, row: StoreFile) -> Any:
    """Return a part as Arrow.

    Raises:
        CacheDamaged: its file is missing, cut, changed, or of another schema.
    """
    try:
        return _read(row)
    except CacheDamaged as error:
        error.part = row.part
        raise


def _read(row: StoreFile) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if row.state == StoreFile.State.DAMAGED:
        raise CacheDamaged(f"{row.part} is damaged: {row.note or 'repair it'}")
    path = layout.path(part=row.part, sha256=row.sha256)
    check_file(row=row)
    try:
        found = pq.ParquetFile(path).read(use_threads=False)  # files are small
    except (OSError, pa.ArrowException) as error:
        raise CacheDamaged(f"{row.part}: it cannot be read: {type(error).__name__}") from error
    columns.check(found=found, kind=row.kind, rows=row.rows, part=row.part)
    return found


def check_file(*, row: StoreFile, fresh: bool = False) -> None:
    """Raise CacheDamaged unless a part's file is there and has its SHA-256.

    A file that this process has hashed is not hashed again while its size and its time of change
    stay as they were, unless ``fresh`` asks for it.
    """
    path = layout.path(part=row.part, sha256=row.sha256)
    try:
        told = path.stat()
        seen = (told.st_mtime_ns, told.st_size)
        with _lock:
            if not fresh and _seen.get(str(path)) == seen:
                return
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CacheDamaged(f"{row.part}: {error.strerror or error}") from error
    if digest != row.sha256:
        raise CacheDamaged(
            f"{row.part} has SHA-256 {digest[:12]}…, the manifest says {row.sha256[:12]}…"
        )
    with _lock:
        _seen[str(path)] = seen


def table(*, shelf: Shelf, kind: str) -> Table:
    """Return every part of a kind as one table of facts."""
    return columns.from_arrow(kind, [read(row=row) for row in manifest(shelf=shelf, kind=kind)])


def facts(*, shelf: Shelf, until: datetime, quotes_of: ArrayLike | None = None) -> Facts:
    """Return the facts of a shelf known at ``until``, as ``queries.facts`` reads them from tables.

    Who makes prices and what sides are called is read from the tables: nobody dates that.

    Raises:
        CacheDamaged: a part is not what was written.
    """
    found: Mapping[str, Any] = {
        kind.lower(): table(shelf=shelf, kind=kind) for kind in columns.KINDS if kind != "QUOTES"
    }
    told = Quotes.empty()
    if quotes_of is not None:
        told = quotes(shelf=shelf, events=np.asarray(quotes_of, dtype=np.int64))
    books: Books = tables.books()
    names = tables.names(sport_id=shelf.sport.pk, is_simulated=shelf.is_simulated)
    return Facts(**found, quotes=told, books=books, names=names).at(microseconds(until))


def quotes(*, shelf: Shelf, events: NDArray[np.int64], competitions: Sequence[int] = ()) -> Quotes:
    """Return the prices of some events; they are of these competitions, where any are named.

    Raises:
        CacheDamaged: a part is not what was written.
    """
    rows = manifest(shelf=shelf, kind="QUOTES")
    if competitions:
        rows = [row for row in rows if row.competition_id in (None, *competitions)]
    found: Any = columns.from_arrow("QUOTES", [read(row=row) for row in rows])
    wanted = np.isin(found.event, events)
    told: Quotes = found if wanted.all() else found.take(wanted)
    return told


def manifest(*, shelf: Shelf, kind: str, feature_set: str = "") -> list[StoreFile]:
    """Return the rows of a shelf's parts of one kind, in the order of their names."""
    return list(
        StoreFile.objects.filter(
            sport=shelf.sport,
            is_simulated=shelf.is_simulated,
            kind=kind,
            feature_set=feature_set,
        ).order_by("part")
    )


def forget() -> None:
    """Hash every file anew from now on."""
    with _lock:
        _seen.clear()
