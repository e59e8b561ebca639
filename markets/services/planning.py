"""Telling the database's planner how large the tables have become."""

from django.db import connection

from markets.models import (
    ClosingPrice,
    Event,
    LatestPrice,
    Market,
    PriceSnapshot,
    Result,
    Selection,
)

#: A load of this many events changes the tables enough to plan anew.
MANY_EVENTS = 200
#: So many events are worth a hash join, whatever the planner believes of the tables.
SEVERAL_EVENTS = 10


def refresh_statistics() -> None:
    """Count the rows anew, or the planner joins what was just loaded as if it were empty."""
    models = (Event, Market, Selection, PriceSnapshot, LatestPrice, ClosingPrice, Result)
    with connection.cursor() as cursor:
        cursor.execute(f"analyze {', '.join(model._meta.db_table for model in models)}")
