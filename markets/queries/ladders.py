"""An exchange's best offers, as they were known at a moment."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pandas as pd
from django.db import connection
from django.db.models import QuerySet

from markets.models import LadderSnapshot
from markets.queries.frames import MOMENT, frame

#: Offers that nobody has told of for longer than this are not there any more.
LONGEST_STANDING = timedelta(days=2)

BEST_OFFERS = {
    "selection_id": "int64",
    "book_id": "int64",
    "seen_at": MOMENT,
    "back_price": "float64",
    "back_size": "float64",
    "lay_price": "float64",
    "lay_size": "float64",
    "last_traded": "float64",
    "matched": "float64",
}
_STANDING = """
SELECT DISTINCT ON (selection_id, book_id) selection_id, book_id, seen_at,
       back_prices[1]::float8, back_sizes[1]::float8, lay_prices[1]::float8, lay_sizes[1]::float8,
       last_traded::float8, matched::float8
FROM markets_laddersnapshot
WHERE selection_id = ANY(%s) AND seen_at <= %s AND seen_at > %s
ORDER BY selection_id, book_id, seen_at DESC
"""


def best_offers(*, selection_ids: Iterable[int], as_of: datetime) -> pd.DataFrame:
    """Return the best offer of each side on each selection at ``as_of``: one row per exchange.

    Sizes are in the exchange's currency; NaN where a side offers nothing.  One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [list(selection_ids), as_of, as_of - LONGEST_STANDING])
        return frame(cursor.fetchall(), BEST_OFFERS)


def ladder_history(
    *,
    selection_id: int,
    since: datetime | None = None,
    until: datetime | None = None,
    as_of: datetime | None = None,
    book_code: str = "",
) -> QuerySet[LadderSnapshot]:
    """Return one selection's ladders, newest first: from ``since`` on and before ``until``.

    ``as_of``: none that was seen later, which is how the newest of a moment is asked for.
    """
    found = LadderSnapshot.objects.filter(selection_id=selection_id).select_related("book")
    if since is not None:
        found = found.filter(seen_at__gte=since)
    if until is not None:
        found = found.filter(seen_at__lt=until)
    if as_of is not None:
        found = found.filter(seen_at__lte=as_of)
    if book_code:
        found = found.filter(book__code=book_code)
    return found.order_by("-seen_at", "book_id")
