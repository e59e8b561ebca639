"""Which predictions are worth a bet at the prices on offer, and why the others are not.

Pure and vectorised: a frame of predictions and a frame of quotes in, one row per prediction
out.  Nothing is dropped: a candidate that fails keeps every number it came to, and the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betting.domain import payoffs, staking

EVENT_STARTED = "EVENT_STARTED"
EVENT_NOT_SCHEDULED = "EVENT_NOT_SCHEDULED"
HALTED = "HALTED"
STAGE_NOT_BET = "STAGE_NOT_BET"
VERSION_NOT_SERVING = "VERSION_NOT_SERVING"
ALREADY_BET = "ALREADY_BET"
PROBABILITY_INVALID = "PROBABILITY_INVALID"
NO_PRICE = "NO_PRICE"
BOOK_DISABLED = "BOOK_DISABLED"
PRICE_STALE = "PRICE_STALE"
MARKET_INCOMPLETE = "MARKET_INCOMPLETE"
OVERROUND_TOO_HIGH = "OVERROUND_TOO_HIGH"
PRICE_OUT_OF_RANGE = "PRICE_OUT_OF_RANGE"
PROBABILITY_TOO_LOW = "PROBABILITY_TOO_LOW"
EDGE_TOO_SMALL = "EDGE_TOO_SMALL"
EDGE_ABSURD = "EDGE_ABSURD"
OTHER_SELECTION_BETTER = "OTHER_SELECTION_BETTER"
STAKE_BELOW_MINIMUM = "STAKE_BELOW_MINIMUM"
CORRELATED = "CORRELATED"
DRAWDOWN = "DRAWDOWN"
STAKE_LIMIT = "STAKE_LIMIT"
EVENT_LIMIT = "EVENT_LIMIT"
DAY_LIMIT = "DAY_LIMIT"
OPEN_LIMIT = "OPEN_LIMIT"
NO_FUNDS = "NO_FUNDS"
VALUE = "VALUE"  # the one reason of a bet

REASONS = (
    EVENT_STARTED,
    EVENT_NOT_SCHEDULED,
    HALTED,
    STAGE_NOT_BET,
    VERSION_NOT_SERVING,
    ALREADY_BET,
    PROBABILITY_INVALID,
    NO_PRICE,
    BOOK_DISABLED,
    PRICE_STALE,
    MARKET_INCOMPLETE,
    OVERROUND_TOO_HIGH,
    PRICE_OUT_OF_RANGE,
    PROBABILITY_TOO_LOW,
    EDGE_TOO_SMALL,
    EDGE_ABSURD,
    OTHER_SELECTION_BETTER,
    STAKE_BELOW_MINIMUM,
    CORRELATED,
    DRAWDOWN,
    STAKE_LIMIT,
    EVENT_LIMIT,
    DAY_LIMIT,
    OPEN_LIMIT,
    NO_FUNDS,
    VALUE,
)
"""In the order they are asked: the funnel of "why no bets?" shows them so."""
#: Kinds of books that a bet can be placed with; the others only tell what prices were.
TAKES_BETS = ("BOOKMAKER", "EXCHANGE")
_PAID_BY = ("probability", "refund", "net_price", "quarter")
SELECTIONS_OF = {"MATCH_ODDS": 3, "ASIAN_HANDICAP": 2, "TOTAL": 2}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a strategy's row says; prices and edges are inclusive bounds."""

    min_edge: float
    max_edge: float
    min_probability: float
    min_price: Decimal
    max_price: Decimal
    max_overround: float
    max_price_age: timedelta
    books: frozenset[int] | None = None  # None: every enabled one
    halted_books: frozenset[int] = frozenset()
    commission: float = 0.0  # of what is won, at exchanges


def appraise(
    *, predictions: pd.DataFrame, quotes: pd.DataFrame, rules: Rules, as_of: datetime
) -> pd.DataFrame:
    """Hold each prediction against the best price that may be taken.

    Args:
        predictions: prediction_id, event_id, selection_id, probability (where the stake is not
            refunded), refund (share expected back); one row each.
        quotes: market_id, kind, selection_id, role, selection_line, book_id, book_code,
            book_kind, is_enabled, price (Decimal), confirmed_at (UTC): one row per selection
            and book at ``as_of``.

    Returns:
        The predictions in their order, with book_id (-1: none), book_code, price (Decimal or
        None), net_price (commission taken off), overround, quarter (what meeting the line
        does), edge (what a unit is expected to bring), kelly (NaN where unknown), prices (dict
        by book code) and reason ("" where nothing speaks against a bet).
    """
    offers = _offers(quotes=quotes, rules=rules, as_of=as_of)
    best = _best(offers, commission=rules.commission)
    found = predictions.reset_index(drop=True).join(best, on="selection_id")
    found["book_id"] = found["book_id"].fillna(-1).astype("int64")
    found["book_code"] = found["book_code"].fillna("").astype(object)
    found["price"] = found["price"].astype(object).where(found["price"].notna(), None)
    found["prices"] = pd.Series(
        _prices_by_book(found["selection_id"], offers), index=found.index, dtype=object
    )
    odds = pd.to_numeric(found["price"], errors="coerce").to_numpy(dtype=float)
    probability, refund = (found[name].to_numpy(dtype=float) for name in ("probability", "refund"))
    net = found["net_price"].to_numpy(dtype=float)
    found["quarter"] = _quarters(found["selection_id"], quotes)
    found["edge"] = (probability * net - 1.0) * (1.0 - refund)
    found["kelly"], is_sound = _kelly(found, net)
    why = _why_no_offer(offers)
    fallback = [why.get(selection, NO_PRICE) for selection in found["selection_id"]]
    found["reason"] = _reasons(
        found, is_sound, odds=odds, rules=rules, fallback=np.array(fallback, dtype=object)
    )
    return found


def outcomes(seen: Mapping[str, Any]) -> payoffs.Payoffs:
    """Return what an appraised row's bet pays, per unit staked, in each thing that can happen."""
    return payoffs.on_a_line(
        probability=float(seen["probability"]),
        refund=float(seen["refund"]),
        price=float(seen["net_price"]),
        quarter=int(seen["quarter"]),
    )


def keep_best_of_event(reasons: pd.Series, event_ids: pd.Series, edges: pd.Series) -> pd.Series:
    """Return the reasons with all but the greatest edge of each event passed over.

    Equal edges: the earlier row stays.

    >>> keep_best_of_event(
    ...     pd.Series(["", "", "NO_PRICE"]), pd.Series([1, 1, 1]), pd.Series([0.03, 0.05, 0.9])
    ... ).tolist()
    ['OTHER_SELECTION_BETTER', '', 'NO_PRICE']
    """
    standing = reasons.eq("")
    winners = edges[standing].groupby(event_ids[standing]).idxmax()
    beaten = standing & ~reasons.index.isin(winners)
    return reasons.mask(beaten, OTHER_SELECTION_BETTER)


def _offers(*, quotes: pd.DataFrame, rules: Rules, as_of: datetime) -> pd.DataFrame:
    """Judge every quote of a real book: ``why`` it may not be taken, "" where it may."""
    offers = quotes[quotes["book_kind"].isin(TAKES_BETS)].copy()
    if rules.books is not None:
        offers = offers[offers["book_id"].isin(rules.books)]
    offers["odds"] = pd.to_numeric(offers["price"], errors="coerce").astype(float)
    age = pd.Timestamp(as_of) - pd.to_datetime(offers["confirmed_at"], utc=True)
    fresh = (age <= rules.max_price_age) & (age >= pd.Timedelta(0)) & (offers["odds"] > 1.0)
    booksums = (1.0 / offers["odds"]).where(fresh)
    by_market = booksums.groupby([offers["market_id"], offers["book_id"]])
    complete = by_market.transform("count") == offers["kind"].map(SELECTIONS_OF)
    offers["overround"] = (by_market.transform("sum") - 1.0).where(complete)
    offers["why"] = np.select(
        [
            ~offers["is_enabled"].astype(bool),
            offers["book_id"].isin(rules.halted_books),
            ~fresh,
            ~complete,
            offers["overround"] > rules.max_overround,
        ],
        [BOOK_DISABLED, HALTED, PRICE_STALE, MARKET_INCOMPLETE, OVERROUND_TOO_HIGH],
        default="",
    )
    return offers


def _best(offers: pd.DataFrame, *, commission: float) -> pd.DataFrame:
    """Return the price that may be taken and leaves most per selection; equal ones: first by code.

    An exchange takes its commission off what is won, a bookmaker none.
    """
    taken = offers[offers["why"] == ""]
    rate = np.where(taken["book_kind"] == "EXCHANGE", commission, 0.0)
    taken = taken.assign(net_price=taken["odds"] - (taken["odds"] - 1.0) * rate)
    taken = taken.sort_values(
        ["selection_id", "net_price", "book_code"], ascending=[True, False, True]
    )
    best = taken.drop_duplicates("selection_id").set_index("selection_id")
    return best[["book_id", "book_code", "price", "net_price", "overround"]]


def _quarters(selection_ids: pd.Series, quotes: pd.DataFrame) -> list[int]:
    """Return what meeting its line does to each selection; WHOLE where it is not quoted."""
    asked = quotes.drop_duplicates("selection_id")
    found = {
        selection: payoffs.quarter_of(role=role, line=line)
        for selection, role, line in zip(
            asked["selection_id"], asked["role"], asked["selection_line"], strict=True
        )
    }
    return [found.get(selection, payoffs.WHOLE) for selection in selection_ids]


def _kelly(found: pd.DataFrame, net: NDArray) -> tuple[NDArray, NDArray]:
    """Return each row's Kelly share, and whether its refund can be.

    What may be refunded is asked of its payoffs; so few have an edge that one by one will do.
    """
    shares = staking.kelly(found["probability"].to_numpy(dtype=float), net)
    refund = found["refund"].to_numpy(dtype=float)
    is_sound = (refund >= 0.0) & (refund < 1.0)
    asked = is_sound & (refund > 0.0) & (found["edge"].to_numpy(dtype=float) > 0.0)
    for row in np.flatnonzero(asked):
        try:
            pays = outcomes({name: found[name].iloc[row] for name in _PAID_BY})
        except payoffs.UnsoundAnswer:
            is_sound[row] = False
        else:
            shares[row] = staking.kelly_of_payoffs(pays.net, pays.probability)
    return shares, is_sound


def _prices_by_book(selection_ids: pd.Series, offers: pd.DataFrame) -> list[dict[str, str]]:
    """Return, per selection, each book's price as text, marked where it may not be taken."""
    shown: dict[int, dict[str, str]] = {}
    rows = offers.sort_values("book_code")
    for selection, book, price, why in zip(
        rows["selection_id"], rows["book_code"], rows["price"], rows["why"], strict=True
    ):
        shown.setdefault(selection, {})[book] = f"{price} {why}".rstrip()
    return [shown.get(selection, {}) for selection in selection_ids]


def _why_no_offer(offers: pd.DataFrame) -> dict[int, str]:
    """Return, per selection without an offer, what stopped the quote that came furthest."""
    reached = offers["why"].map({reason: rank for rank, reason in enumerate(REASONS)})
    furthest = reached.groupby(offers["selection_id"]).max().dropna()
    ranks = zip(furthest.index.tolist(), furthest.tolist(), strict=True)
    return {int(selection): REASONS[int(rank)] for selection, rank in ranks}


def _reasons(
    found: pd.DataFrame, is_sound: NDArray, *, odds: NDArray, rules: Rules, fallback: NDArray
) -> NDArray[np.object_]:
    probability, edge = found["probability"].to_numpy(float), found["edge"].to_numpy(float)
    valid = is_sound & np.isfinite(probability) & (probability > 0.0) & (probability < 1.0)
    priced = np.isfinite(odds)
    outside = (odds < float(rules.min_price)) | (odds > float(rules.max_price))
    return np.select(
        [
            ~valid,
            ~priced,
            outside,
            probability < rules.min_probability,
            edge < rules.min_edge,
            edge > rules.max_edge,
        ],
        [
            np.full(len(found), PROBABILITY_INVALID, dtype=object),
            fallback,
            np.full(len(found), PRICE_OUT_OF_RANGE, dtype=object),
            np.full(len(found), PROBABILITY_TOO_LOW, dtype=object),
            np.full(len(found), EDGE_TOO_SMALL, dtype=object),
            np.full(len(found), EDGE_ABSURD, dtype=object),
        ],
        default="",
    )
