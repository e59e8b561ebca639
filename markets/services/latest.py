"""The latest price of each book and selection, kept beside the history for quick reading.

Written under the competition's lock (``recording``): nobody else adds a pair meanwhile.
"""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from markets.services import copying

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_READ = """
SELECT selection_id, book_id, seen_at, (price * 1000)::bigint, confirmed_at, mark::bigint
FROM markets_latestprice WHERE selection_id = ANY(%(selections)s::bigint[])
"""
_READ_KINDS = (
    copying.BIGINT, copying.BIGINT, copying.MOMENT, copying.BIGINT, copying.MOMENT,
    copying.BIGINT,
)  # fmt: skip
_COLUMNS = {
    "selection_id": (copying.BIGINT, "bigint"),
    "book_id": (copying.BIGINT, "bigint"),
    "price": (copying.PRICE, "numeric(9, 3)"),
    "seen_at": (copying.MOMENT, "timestamptz"),
    "confirmed_at": (copying.MOMENT, "timestamptz"),
    "mark": (copying.SMALLINT, "smallint"),
    "previous_price": (copying.PRICE, "numeric(9, 3)"),
}
_KINDS = [kind for kind, _ in _COLUMNS.values()]
_CREATE = (
    "CREATE TEMP TABLE incoming_latest"
    f" ({', '.join(f'{name} {type_}' for name, (_, type_) in _COLUMNS.items())}) ON COMMIT DROP"
)
_UPDATE = """
UPDATE markets_latestprice l SET
    price = i.price,
    previous_price = CASE WHEN l.seen_at = i.seen_at THEN l.previous_price
        ELSE nullif(i.previous_price, 0) END,
    seen_at = i.seen_at, confirmed_at = i.confirmed_at, mark = i.mark
FROM incoming_latest i WHERE l.selection_id = i.selection_id AND l.book_id = i.book_id
"""


@dataclass(frozen=True, slots=True, eq=False)
class Latest:
    """Rows of the table: moments in microseconds since 1970, prices in thousandths."""

    selection: Ints
    book: Ints
    seen: Ints
    price: Ints
    confirmed: Ints
    mark: Ints


def read(*, selections: Ints) -> Latest:
    """Return what every book shows now of these selections."""
    if not selections.size:
        return Latest(*np.empty((6, 0), dtype=np.int64))
    return Latest(
        *copying.read_columns(
            query=_READ, parameters={"selections": copying.as_array(selections)}, kinds=_READ_KINDS
        )
    )


def write(*, rows: Latest, previous: Ints, is_known: Bools, is_same: Bools) -> None:
    """Add the pairs that are not known yet, and bring those up to date that are not the same.

    ``previous``: the price before the one in effect, 0 where there was none.
    """
    columns = [rows.selection, rows.book, rows.price, rows.seen, rows.confirmed, rows.mark]
    for chosen, has_previous in (
        (~is_known & (previous > 0), True),
        (~is_known & (previous == 0), False),
    ):
        if chosen.any():
            _copy("markets_latestprice", [*columns, previous], chosen, has_previous=has_previous)
    moved = is_known & ~is_same
    if not moved.any():
        return
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_latest")
        cursor.execute(_CREATE)
        _copy("incoming_latest", [*columns, previous], moved, has_previous=True)
        cursor.execute(_UPDATE)


def _copy(table: str, columns: list[Ints], chosen: Bools, *, has_previous: bool) -> None:
    """COPY the chosen rows; where there is no previous price its column stays null."""
    n = len(_KINDS) if has_previous else len(_KINDS) - 1
    copying.copy_columns(
        table=table,
        names=list(_COLUMNS)[:n],
        kinds=_KINDS[:n],
        columns=[column[chosen] for column in columns[:n]],
    )
