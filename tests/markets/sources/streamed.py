"""Recordings of Betfair's stream, read: what several tests ask of a batch."""

import io

import numpy as np

from markets.connectors.base import Reading
from markets.connectors.betfair_stream import BetfairStream
from tests.markets.sources.betfair import (
    FETCHED,
    MARKET,
    lines,
)


def read(*messages, options=None, companion=None, name=MARKET):
    reading = Reading(name, FETCHED, options=options or {}, companion=companion)
    return list(BetfairStream().read(io.BytesIO(lines(*messages)), reading=reading))


def parse(*messages):
    return BetfairStream().parse(lines(*messages), name=MARKET, fetched_at=FETCHED)


def prices(batch, book, runner=101):
    """Return (ms since 1970, price) of one runner at one book, in order of time."""
    columns = batch.columns
    keys = [place for place, key in enumerate(columns.keys) if key[7] == f"#{runner}"]
    rows = (columns.book == columns.books.index(book)) & np.isin(columns.key, keys)
    found = zip(columns.seen[rows] // 1000, columns.price[rows] / 1000, strict=True)
    return sorted((int(seen), float(price)) for seen, price in found)


def only_problem(batch):
    (problem,) = batch.problems
    return problem
