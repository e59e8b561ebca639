"""Closing prices and what they say of the chances: which book was used, how exact it is."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from django.db import connection

from markets.domain import closes as closes_domain
from markets.domain import kinds as market_kinds
from markets.domain import margins, odds, references
from markets.models import Book, ClosingPrice
from markets.queries.frames import MOMENT, frame
from markets.queries.prices import CONSENSUS
from markets.queries.references import competitions_of, ranked, rules

CLOSES = {
    "event_id": "int64",
    "market_id": "int64",
    "kind": "object",
    "places": "int64",
    "selection_id": "int64",
    "role": "object",
    "name": "object",
    "line": "float64",
    "book_id": "int64",
    "book_code": "object",
    "takes_bets": "bool",
    "opening_price": "float64",
    "opened_at": MOMENT,
    "opening_exactness": "object",
    "price": "float64",
    "seen_at": MOMENT,
    "confirmed_at": MOMENT,
    "starts_at": MOMENT,
    "exactness": "object",
    "overround": "float64",
    "fair_probability": "float64",
    "method": "object",
}
FAIR = {
    "event_id": "int64",
    "market_id": "int64",
    "kind": "object",
    "selection_id": "int64",
    "role": "object",
    "name": "object",
    "book_code": "object",
    "price": "float64",
    "fair_probability": "float64",
    "overround": "float64",
    "method": "object",
    "exactness": "object",
    "age_seconds": "float64",
}

_CLOSES = """
SELECT m.event_id, m.id, m.kind, coalesce(m.places, 0), s.id, s.role, s.name, s.line::float8,
       b.id, b.code, b.kind = ANY(%(takes_bets)s) AND b.is_enabled,
       c.opening_price::float8, {opened_at}, c.opening_exactness,
       c.price::float8, {seen_at}, {confirmed_at}, {starts_at}, c.exactness,
       c.overround, c.fair_probability, c.method
FROM markets_market m
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_closingprice c ON c.selection_id = s.id
JOIN markets_book b ON b.id = c.book_id
WHERE m.event_id = ANY(%(events)s)
    AND (%(kinds)s::text[] IS NULL OR m.kind = ANY(%(kinds)s::text[]))
ORDER BY m.event_id, m.id, b.id, s.id
"""
_MOMENTS = [name for name, type_ in CLOSES.items() if type_ == MOMENT]
# A moment as a number is read ten times as fast.
_CLOSES = _CLOSES.format(
    **{name: f"(extract(epoch FROM c.{name}) * 1000000)::bigint" for name in _MOMENTS}
)


def closes(*, event_ids: Iterable[int], kinds: Collection[str] | None = None) -> pd.DataFrame:
    """Return every close of these events, one row per selection and book, market by market."""
    asked = {
        "events": list(event_ids),
        "kinds": None if kinds is None else list(kinds),
        "takes_bets": list(Book.TAKES_BETS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLOSES, asked)
        found = frame(cursor.fetchall(), {**CLOSES, **dict.fromkeys(_MOMENTS, "int64")})
    for name in _MOMENTS:
        found[name] = pd.to_datetime(found[name], unit="us", utc=True).dt.as_unit("us")
    return found


def closing_fair(
    *,
    event_ids: Iterable[int],
    method: str | None = None,
    chain: Sequence[str] | None = None,
    kinds: Collection[str] | None = None,
    is_any_age: bool = False,
) -> pd.DataFrame:
    """Return margin-free closing probabilities, and which book of the chain they came from.

    ``method``: one of ``odds.METHODS``; None: the one that the close was recorded with.
    ``chain``: whose close is believed, the first that has a whole market near the start; None:
    as the rules of the competition say, else by the books' ranks, then the consensus.
    A close that is too old to be one counts as missing unless ``is_any_age``.  "consensus" is
    the mean of all books that take bets.

    Raises:
        ValueError: the method is unknown.
    """
    if method is not None and method not in odds.METHODS:
        raise ValueError(f"unknown method {method!r}: one of {', '.join(odds.METHODS)}")
    found = closes(event_ids=event_ids, kinds=kinds)
    return fair_of(found, method=method, chain=chain, is_any_age=is_any_age)


def fair_of(
    found: pd.DataFrame,
    *,
    method: str | None = None,
    chain: Sequence[str] | None = None,
    is_any_age: bool = False,
) -> pd.DataFrame:
    """Return what ``closing_fair`` does, of closes that were read already."""
    if not is_any_age:
        found = found[found["exactness"] != ClosingPrice.Exactness.NONE]
    found = found[found["method"] != margins.NON_RUNNER]
    if method is not None and len(found):
        found = _by_method(found, method)
    found = found[found["fair_probability"].notna()]
    parts = [_along(codes, mine) for codes, mine in _by_chain(found, chain)]
    if len(parts) < 2:
        return parts[0] if parts else frame([], FAIR)
    chosen = pd.concat(parts).sort_values(["event_id", "market_id", "selection_id"], kind="stable")
    return chosen.astype(FAIR).reset_index(drop=True)


def _by_chain(
    found: pd.DataFrame, chain: Sequence[str] | None
) -> Iterator[tuple[Sequence[str], pd.DataFrame]]:
    """Return the closes by whom to believe in their markets."""
    if chain is not None or found.empty:
        yield chain or (), found
        return
    told, usual = rules(), ranked()
    places = competitions_of(found["event_id"].unique().tolist())
    markets = list(zip(found["event_id"], found["kind"], strict=True))
    chosen = {}
    for event, kind in set(markets):
        competition, is_simulated = places[event]
        rule = references.rule_of(
            told, competition=competition, is_simulated=is_simulated, kind=kind
        )
        chosen[event, kind] = (rule or usual[is_simulated]).chain
    for codes in dict.fromkeys(chosen.values()):
        yield codes, found[[chosen[market] == codes for market in markets]]


def closing_by_method(
    *, event_ids: Iterable[int], chain: Sequence[str] | None = None
) -> dict[str, pd.DataFrame]:
    """Return what each of the methods makes of the same closing prices."""
    ids = list(event_ids)
    return {
        method: closing_fair(event_ids=ids, method=method, chain=chain) for method in odds.METHODS
    }


def _by_method(found: pd.DataFrame, method: str) -> pd.DataFrame:
    """Take the margin off anew; a market that was incomplete stays so."""
    groups = found.groupby(["market_id", "book_id"], sort=False)
    sizes = np.asarray(groups.size(), dtype=np.int64)
    first = groups[["kind", "places", "method"]].first()
    expected = np.where(first["method"] == margins.INCOMPLETE, 0, sizes)
    part = margins.remove(
        prices=found["price"].to_numpy(),
        sizes=sizes,
        expected=expected,
        sums_to=winners(first["kind"], first["places"]),
        method=method,
    )
    return found.assign(
        fair_probability=part.probability, overround=part.overround, method=part.method
    )


def winners(kinds: Iterable[str], places: Iterable[int]) -> np.ndarray:
    """Return how many answers of each market come true; 0 where that is not known."""
    return np.array(
        [
            market_kinds.sums_to(kind=kind, places=int(n) or None) or 0
            for kind, n in zip(kinds, places, strict=True)
        ],
        dtype=np.int64,
    )


def _along(chain: Sequence[str], found: pd.DataFrame) -> pd.DataFrame:
    """Choose for each market the first of the chain that has it whole."""
    parts = []
    left = found
    for code in chain:
        part = _consensus(left) if code == CONSENSUS else left[left["book_code"] == code]
        parts.append(part.assign(age_seconds=_age(part)) if code != CONSENSUS else part)
        left = left[~left["market_id"].isin(part["market_id"])]
    parts = [part[list(FAIR)] for part in parts if len(part)]
    if not parts:
        return frame([], FAIR)
    chosen = pd.concat(parts).sort_values(["event_id", "market_id", "selection_id"], kind="stable")
    return chosen.astype(FAIR).reset_index(drop=True)


def _age(rows: pd.DataFrame) -> pd.Series:
    return (rows["starts_at"] - rows["confirmed_at"]).dt.total_seconds()


def _consensus(found: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of the books that take bets, as exact as the least exact of them."""
    rows = found[found["takes_bets"]]
    if rows.empty:
        return frame([], FAIR)
    rows = rows.assign(
        age_seconds=_age(rows), worth=rows["exactness"].map(closes_domain.NAMES.index)
    )
    mean = rows.groupby(["market_id", "selection_id"], as_index=False, sort=False).agg(
        event_id=("event_id", "first"),
        kind=("kind", "first"),
        role=("role", "first"),
        name=("name", "first"),
        price=("price", "mean"),
        fair_probability=("fair_probability", "mean"),
        overround=("overround", "mean"),
        method=("method", "first"),
        exactness=("worth", "min"),
        age_seconds=("age_seconds", "max"),
    )
    worth = [closes_domain.NAMES[place] for place in mean["exactness"]]
    return mean.assign(book_code=CONSENSUS, exactness=worth)


_LINES = """
SELECT m.event_id, m.id, m.kind, m.period, coalesce(m.participant_id, 0), m.statistic,
       m.line::float8, q.book_id, max(q.confirmed_at), max(1 / q.price) - min(1 / q.price)
FROM markets_market m
JOIN markets_selection s ON s.market_id = m.id
JOIN {table} q ON q.selection_id = s.id
WHERE m.event_id = ANY(%(events)s) AND m.line IS NOT NULL
GROUP BY m.id, q.book_id
"""
LINES = {
    "event_id": "int64",
    "market_id": "int64",
    "kind": "object",
    "period": "object",
    "participant_id": "int64",
    "statistic": "object",
    "line": "float64",
    "book_id": "int64",
    "confirmed_at": MOMENT,
    "tilt": "float64",
}
_QUESTION = ["event_id", "book_id", "kind", "period", "participant_id", "statistic"]


def main_lines(*, event_ids: Iterable[int], at_close: bool = False) -> pd.DataFrame:
    """Return each book's main line of every handicap and total: one row per question and book.

    A book that moves its line stops confirming the old one: what was looked at before the newest
    look at the same question is not the main line.  Of several lines looked at together the main
    one is that whose prices lie nearest to each other, then the lower market number.
    ``at_close``: as the closes were recorded, else as it is now.
    """
    table = "markets_closingprice" if at_close else "markets_latestprice"
    with connection.cursor() as cursor:
        cursor.execute(_LINES.format(table=table), {"events": list(event_ids)})
        found = frame(cursor.fetchall(), LINES)
    newest = found.groupby(_QUESTION)["confirmed_at"].transform("max")
    found = found[found["confirmed_at"] == newest]
    ordered = found.sort_values([*_QUESTION, "tilt", "market_id"], kind="stable")
    return ordered.drop_duplicates(_QUESTION).reset_index(drop=True)
