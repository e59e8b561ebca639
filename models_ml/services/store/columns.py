"""Facts and features as Arrow tables, and back; words stay words, for codes may change."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import facts
from models_ml.domain.facts import Table
from models_ml.services.store.layout import SCHEMA
from monitoring.errors import PermanentlyFailed

KINDS: Mapping[str, type[Table]] = {
    name.upper(): kind for name, kind in facts.TABLES.items() if name != "books"
}
#: Columns of codes whose words the table holds.
WORDS = {
    "FIGURES": ("statistic", "statistics"),
    "QUOTES": ("statistic", "statistics"),
    "NOTICES": ("status", "statuses"),
}
ATTRIBUTE = "attribute:"


class CacheDamaged(PermanentlyFailed):
    """A file of the store is missing, or is not what was written."""

    part = ""  # which one, as far as that is known


def to_arrow(kind: str, table: Table) -> Any:
    """Return a table of facts as Arrow."""
    import pyarrow as pa

    columns: dict[str, Any] = {name: getattr(table, name) for name in table.columns()}
    if kind in WORDS:
        code, words = WORDS[kind]
        columns[code] = _words(columns[code], getattr(table, words))
    for name, values in sorted(getattr(table, "attributes", {}).items()):
        columns[f"{ATTRIBUTE}{name}"] = values
    return _described(pa.table(columns), kind)


def from_arrow(kind: str, tables: Sequence[Any]) -> Table:
    """Return parts of one kind as one table of facts, sorted.

    Raises:
        CacheDamaged: a column is missing or has another type.
    """
    table = KINDS[kind]
    if not tables:
        return table.empty()
    others: dict[str, Any] = {}
    columns = {}
    code, words = WORDS.get(kind, ("", ""))
    for name, dtype in table.columns().items():
        if name == code:
            columns[name], others[words] = _coded([one.column(name) for one in tables])
        else:
            columns[name] = _joined(tables, name, dtype)
    if kind == "FIXTURES":
        names = sorted({c for one in tables for c in one.column_names if c.startswith(ATTRIBUTE)})
        others["attributes"] = {
            name.removeprefix(ATTRIBUTE): _joined(tables, name, np.dtype("float64"))
            for name in names
        }
    return table.of(columns, **others)


def features_to_arrow(
    *, keys: Mapping[str, NDArray[Any]], names: Sequence[str], values: NDArray[np.float64]
) -> Any:
    """Return rows of features as Arrow, behind what they are of."""
    import pyarrow as pa

    columns = {**keys, **{name: values[:, place] for place, name in enumerate(names)}}
    return _described(pa.table(columns), "FEATURES")


def keys(table: Any, names: Sequence[str]) -> NDArray[Any]:
    """Return each row's columns of these names as one value, equal where all of them are."""
    return facts.row_keys([table.column(name).to_numpy() for name in names])


def check(*, found: Any, kind: str, rows: int, part: str) -> None:
    """Raise CacheDamaged unless a file says of itself what its row says of it."""
    told = {k.decode(): v.decode() for k, v in (found.schema.metadata or {}).items()}
    if (told.get("kind"), told.get("schema")) != (kind, str(SCHEMA)):
        raise CacheDamaged(f"{part}: the file is of another kind or of another schema")
    if found.num_rows != rows:
        raise CacheDamaged(f"{part}: {found.num_rows} rows, the manifest says {rows}")


def _described(table: Any, kind: str) -> Any:
    return table.replace_schema_metadata({"kind": kind, "schema": str(SCHEMA)})


def _words(codes: NDArray[Any], vocabulary: Sequence[str]) -> Any:
    import pyarrow as pa

    words = [*vocabulary, ""]  # the code -1 is the last word: none
    return pa.array(words, type=pa.string()).take(pa.array(codes % len(words)))


def _coded(columns: Sequence[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return words as places in their vocabulary, which is in order and without the empty one."""
    import pyarrow as pa

    joined = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())
    found = joined.dictionary_encode().unify_dictionaries().combine_chunks()
    chunks = found.chunks if isinstance(found, pa.ChunkedArray) else [found]
    if not chunks:
        return np.empty(0, dtype=np.int64), ()
    words = chunks[0].dictionary.to_pylist()
    vocabulary = sorted({word for word in words if word})
    places = {word: place for place, word in enumerate(vocabulary)}
    codes = np.array([places.get(word, facts.NONE) for word in words], dtype=np.int64)
    told = [codes[chunk.indices.to_numpy(zero_copy_only=False)] for chunk in chunks]
    return np.concatenate(told), tuple(vocabulary)


def _joined(tables: Sequence[Any], name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    found = []
    for one in tables:
        if name in one.column_names:
            column = one.column(name).to_numpy()
            if column.dtype != dtype:
                raise CacheDamaged(f"column {name} is of type {column.dtype}, not {dtype}")
            found.append(column)
        elif name.startswith(ATTRIBUTE):
            found.append(np.full(one.num_rows, np.nan))
        else:
            raise CacheDamaged(f"column {name} is missing")
    return np.concatenate(found)
