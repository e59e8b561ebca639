"""Which predictions are worth a bet at the prices on offer, and why the others are not.

Pure and vectorised: a frame of predictions and a frame of quotes in, one row per prediction
out.  Nothing is dropped: a candidate that fails keeps every number it came to, the reason, and
what every other filter would have said; without a price that may be taken, of the one that came
nearest to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from betting.domain import compliance, payoffs, rules, staking
from markets.domain import kinds

EVENT_STARTED = "EVENT_STARTED"
EVENT_NOT_SCHEDULED = "EVENT_NOT_SCHEDULED"
HALTED = "HALTED"
STAGE_NOT_BET = "STAGE_NOT_BET"
OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
VERSION_NOT_SERVING = "VERSION_NOT_SERVING"
ALREADY_BET = "ALREADY_BET"
STARTER_NOT_CONFIRMED = "STARTER_NOT_CONFIRMED"
ANSWER_NOT_BET = "ANSWER_NOT_BET"
REST_UNKNOWN = "REST_UNKNOWN"
NOT_TIRED = "NOT_TIRED"
NOT_RESTED_ENOUGH = "NOT_RESTED_ENOUGH"
PROBABILITY_INVALID = "PROBABILITY_INVALID"
NO_PRICE = "NO_PRICE"
BOOK_NOT_ALLOWED = "BOOK_NOT_ALLOWED"
BOOK_DISABLED = "BOOK_DISABLED"
PRICE_STALE = "PRICE_STALE"
MARKET_INCOMPLETE = "MARKET_INCOMPLETE"
OVERROUND_TOO_HIGH = "OVERROUND_TOO_HIGH"
LIQUIDITY_TOO_LOW = "LIQUIDITY_TOO_LOW"
PRICE_OUT_OF_RANGE = "PRICE_OUT_OF_RANGE"
PROBABILITY_TOO_LOW = "PROBABILITY_TOO_LOW"
EDGE_TOO_SMALL = "EDGE_TOO_SMALL"
EDGE_ABSURD = "EDGE_ABSURD"
OTHER_SELECTION_BETTER = "OTHER_SELECTION_BETTER"
STAKE_BELOW_MINIMUM = "STAKE_BELOW_MINIMUM"
PHASE = "PHASE"
ALLOCATION = "ALLOCATION"
CORRELATED = "CORRELATED"
DRAWDOWN = "DRAWDOWN"
STAKE_LIMIT = "STAKE_LIMIT"
PHASE_LIMIT = "PHASE_LIMIT"
ALLOCATION_LIMIT = "ALLOCATION_LIMIT"
DRY_RUN = "DRY_RUN"
VALUE = "VALUE"  # the one reason of a bet

REASONS = (
    EVENT_STARTED,
    EVENT_NOT_SCHEDULED,
    HALTED,
    STAGE_NOT_BET,
    OUTSIDE_WINDOW,
    VERSION_NOT_SERVING,
    ALREADY_BET,
    STARTER_NOT_CONFIRMED,
    ANSWER_NOT_BET,
    REST_UNKNOWN,
    NOT_TIRED,
    NOT_RESTED_ENOUGH,
    PROBABILITY_INVALID,
    NO_PRICE,
    BOOK_NOT_ALLOWED,
    BOOK_DISABLED,
    compliance.BOOK_BANNED,
    compliance.JURISDICTION,
    PRICE_STALE,
    MARKET_INCOMPLETE,
    OVERROUND_TOO_HIGH,
    LIQUIDITY_TOO_LOW,
    PRICE_OUT_OF_RANGE,
    PROBABILITY_TOO_LOW,
    EDGE_TOO_SMALL,
    EDGE_ABSURD,
    OTHER_SELECTION_BETTER,
    STAKE_BELOW_MINIMUM,
    PHASE,
    ALLOCATION,
    CORRELATED,
    DRAWDOWN,
    PHASE_LIMIT,
    ALLOCATION_LIMIT,
    *rules.CODES,
    DRY_RUN,
    VALUE,
)
"""In the order they are asked: the funnel of "why no bets?" shows them so."""
#: Kinds of books that a bet can be placed with; the others only tell what prices were.
TAKES_BETS = ("BOOKMAKER", "EXCHANGE")
_PAID_BY = ("probability", "refund", "net_price", "quarter")
#: How many selections a whole market has, of the kinds of which exactly one wins.
SELECTIONS_OF = {
    kind: len(roles) for kind, roles in kinds.ROLES.items() if kinds.sums_to(kind=kind) == 1
}


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
    forbidden_books: frozenset[tuple[int, str]] = frozenset()  # each with the reason
    commission: float = 0.0  # of what is won, at exchanges
    min_liquidity: float | None = None  # on offer at the best price, at exchanges


def appraise(
    *, predictions: pd.DataFrame, quotes: pd.DataFrame, rules: Rules, as_of: datetime
) -> pd.DataFrame:
    """Hold each prediction against the best price that may be taken.

    Args:
        predictions: prediction_id, event_id, selection_id, probability (where the stake is not
            refunded), refund (share expected back), and min_edge where a program asks for
            another than the rules'; one row each.
        quotes: market_id, kind, selection_id, role, selection_line, book_id, book_code,
            book_kind, is_enabled, price (Decimal), confirmed_at (UTC): one row per selection
            and book at ``as_of``; size (on offer at an exchange) where liquidity is asked.

    Returns:
        The predictions in their order, with book_id (-1: none), book_code, price (Decimal or
        None), net_price (commission taken off), overround, quarter (what meeting the line
        does), edge (what a unit is expected to bring), kelly (NaN where unknown), reason (""
        where nothing speaks against a bet), failed (every filter that does, in order), filters
        (value and bounds by filter), prices and ages (by book code), best (book, price and its
        mark, and the price net of commission where there is one, if an enabled book offered more
        than may be taken, else None).
    """
    offers = _offers(quotes=quotes, rules=rules, as_of=as_of)
    found = predictions.reset_index(drop=True).join(_reached(offers), on="selection_id")
    stopped = found.pop("why").fillna(NO_PRICE).to_numpy(dtype=object)
    is_priced = stopped == ""
    shadow = found[["odds", "net_price", "age", "overround", "size"]].astype(float).copy()
    found = found.drop(columns=["odds", "age", "size"])
    found["book_id"] = found["book_id"].where(is_priced).fillna(-1).astype("int64")
    found["book_code"] = found["book_code"].where(is_priced).fillna("").astype(object)
    found["price"] = found["price"].astype(object).where(is_priced & found["price"].notna(), None)
    for column in ("overround", "net_price"):
        found[column] = shadow[column].where(is_priced)
    shown = _shown(offers)
    for column in ("prices", "ages"):
        cells = [shown.get(selection, {}).get(column, {}) for selection in found["selection_id"]]
        found[column] = pd.Series(cells, index=found.index, dtype=object)
    found["quarter"] = _quarters(found["selection_id"], quotes)
    found["edge"] = _edge(found, found["net_price"])
    found["kelly"], is_sound = _kelly(found)
    failed, filters = _judged(
        found=found, shadow=shadow, is_sound=is_sound, stopped=stopped, rules=rules
    )
    found["failed"] = pd.Series(failed, index=found.index, dtype=object)
    found["filters"] = pd.Series(filters, index=found.index, dtype=object)
    found["reason"] = pd.Series([codes[0] if codes else "" for codes in failed], dtype=object)
    found["best"] = pd.Series(_better(found, offers), index=found.index, dtype=object)
    return found


def outcomes(seen: Mapping[str, Any]) -> payoffs.Payoffs:
    """Return what an appraised row's bet pays, per unit staked, in each thing that can happen."""
    return payoffs.on_a_line(
        probability=float(seen["probability"]),
        refund=float(seen["refund"]),
        price=float(seen["net_price"]),
        quarter=int(seen["quarter"]),
    )


def _offers(*, quotes: pd.DataFrame, rules: Rules, as_of: datetime) -> pd.DataFrame:
    """Judge every quote of a real book: ``why`` it may not be taken, "" where it may."""
    offers = quotes[quotes["book_kind"].isin(TAKES_BETS)].copy()
    if "size" not in offers:
        offers["size"] = np.nan
    offers["odds"] = pd.to_numeric(offers["price"], errors="coerce").astype(float)
    age = pd.Timestamp(as_of) - pd.to_datetime(offers["confirmed_at"], utc=True)
    offers["age"] = age.dt.total_seconds()
    rate = np.where(offers["book_kind"] == "EXCHANGE", rules.commission, 0.0)
    offers["net_price"] = offers["odds"] - (offers["odds"] - 1.0) * rate
    fresh = (age <= rules.max_price_age) & (age >= pd.Timedelta(0)) & (offers["odds"] > 1.0)
    booksums = (1.0 / offers["odds"]).where(fresh)
    by_market = booksums.groupby([offers["market_id"], offers["book_id"]])
    complete = by_market.transform("count") == offers["kind"].map(SELECTIONS_OF)
    offers["overround"] = (by_market.transform("sum") - 1.0).where(complete)
    codes = dict(rules.forbidden_books)
    forbidden = np.array([codes.get(book_id, "") for book_id in offers["book_id"]], dtype=str)
    enabled = offers["is_enabled"].astype(bool)
    asked = (
        (~enabled, BOOK_DISABLED),
        (forbidden != "", forbidden),
        (offers["book_id"].isin(rules.halted_books), HALTED),
        (~fresh, PRICE_STALE),
        (~complete, MARKET_INCOMPLETE),
        (offers["overround"] > rules.max_overround, OVERROUND_TOO_HIGH),
        (_is_thin(offers, least=rules.min_liquidity), LIQUIDITY_TOO_LOW),
    )
    why = np.select([hit for hit, _ in asked], [code for _, code in asked], default="")
    foreign = np.zeros(len(offers), dtype=bool)
    if rules.books is not None:
        foreign = ~offers["book_id"].isin(rules.books).to_numpy(dtype=bool)
    offers["mark"] = np.where(foreign & (why == ""), BOOK_NOT_ALLOWED, why)
    offers["why"] = np.where(foreign, BOOK_NOT_ALLOWED, why)
    offers["is_offered"] = enabled & fresh
    return offers


def _is_thin(offers: pd.DataFrame, *, least: float | None) -> NDArray:
    """Tell where an exchange offers too little, or nobody tells how much; books tell no size."""
    if least is None:
        return np.zeros(len(offers), dtype=bool)
    is_enough = offers["size"].to_numpy(dtype=float) >= least
    return (offers["book_kind"] == "EXCHANGE").to_numpy(dtype=bool) & ~is_enough


_RANKS = {"": len(REASONS), **{reason: rank for rank, reason in enumerate(REASONS)}}


def _reached(offers: pd.DataFrame) -> pd.DataFrame:
    """Return per selection the quote that came furthest: the best that may be taken, if any.

    Of several the one that leaves most once an exchange took its commission; equal ones: the
    first by code.
    """
    ranked = offers.assign(rank=offers["why"].map(_RANKS).astype(float))
    ranked = ranked.sort_values(
        ["selection_id", "rank", "net_price", "book_code"], ascending=[True, False, False, True]
    )
    columns = [
        "book_id",
        "book_code",
        "price",
        "net_price",
        "overround",
        "odds",
        "age",
        "why",
        "size",
    ]
    return ranked.drop_duplicates("selection_id").set_index("selection_id")[columns]


def _edge(found: pd.DataFrame, net: pd.Series) -> pd.Series:
    """Return what a unit staked at these prices is expected to bring."""
    refund = found["refund"].astype(float)
    return (found["probability"].astype(float) * net - 1.0) * (1.0 - refund)


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


def _kelly(found: pd.DataFrame) -> tuple[NDArray, NDArray]:
    """Return each row's Kelly share, and whether its refund can be.

    What may be refunded is asked of its payoffs; so few have an edge that one by one will do.
    """
    probability, net = (found[name].to_numpy(dtype=float) for name in ("probability", "net_price"))
    shares = staking.kelly(probability, net)
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


def _shown(offers: pd.DataFrame) -> dict[int, dict[str, dict[str, object]]]:
    """Return, per selection, each book's price as text, marked where it may not be taken, and
    its age in whole seconds.
    """
    shown: dict[int, dict[str, dict[str, object]]] = {}
    rows = offers.sort_values("book_code")
    columns = ("selection_id", "book_code", "price", "mark", "age")
    for selection, book, price, mark, age in zip(*(rows[name] for name in columns), strict=True):
        cell = shown.setdefault(selection, {"prices": {}, "ages": {}})
        cell["prices"][book] = f"{price} {mark}".rstrip()
        cell["ages"][book] = int(age)
    return shown


def _better(found: pd.DataFrame, offers: pd.DataFrame) -> list[list[str] | None]:
    """Return where an enabled book offered more than the price that may be taken, net of costs."""
    offered = offers[offers["is_offered"]]
    offered = offered.sort_values(
        ["selection_id", "net_price", "book_code"], ascending=[True, False, True]
    ).drop_duplicates("selection_id")
    columns = ("selection_id", "net_price", "odds", "book_code", "price", "mark")
    best: dict[int, tuple[float, list[str] | None]] = {}
    for selection, net, odds, book, price, mark in zip(*(offered[n] for n in columns), strict=True):
        told = [book, str(price), mark]
        best[selection] = (net, told if net == odds else [*told, str(round(net, 6))])
    answers: list[list[str] | None] = []
    for selection, taken in zip(found["selection_id"], found["net_price"], strict=True):
        offer, better = best.get(selection, (np.nan, None))
        answers.append(None if offer <= taken else better)
    return answers


def _judged(
    *, found: pd.DataFrame, shadow: pd.DataFrame, is_sound: NDArray, stopped: NDArray, rules: Rules
) -> tuple[list[list[str]], list[dict[str, list[float]]]]:
    """Ask every filter of every candidate; return what failed, and each value with its bounds."""
    probability, odds = found["probability"].to_numpy(dtype=float), shadow["odds"].to_numpy()
    edge = _edge(found, shadow["net_price"]).to_numpy()
    checks: list[tuple[str, NDArray, NDArray, NDArray]] = []

    def ask(code: str, value: NDArray, low: Any, high: float | None) -> None:
        given = [np.broadcast_to(b, value.shape) for b in (low, high) if b is not None]
        below = value < (-np.inf if low is None else low)
        above = value > (np.inf if high is None else high)
        checks.append((code, value, np.stack(given, axis=1), below | above))

    ask(PRICE_STALE, shadow["age"].to_numpy(), None, rules.max_price_age.total_seconds())
    ask(OVERROUND_TOO_HIGH, shadow["overround"].to_numpy(), None, rules.max_overround)
    if rules.min_liquidity is not None:
        ask(LIQUIDITY_TOO_LOW, shadow["size"].to_numpy(), rules.min_liquidity, None)
    ask(PRICE_OUT_OF_RANGE, odds, float(rules.min_price), float(rules.max_price))
    ask(PROBABILITY_TOO_LOW, probability, rules.min_probability, None)
    ask(EDGE_TOO_SMALL, edge, np.asarray(found.get("min_edge", rules.min_edge)), None)
    ask(EDGE_ABSURD, edge, None, rules.max_edge)
    valid = is_sound & np.isfinite(probability) & (probability > 0.0) & (probability < 1.0)
    failed: list[list[str]] = []
    filters: list[dict[str, list[float]]] = []
    for row, stop in enumerate(stopped):
        codes = [] if valid[row] else [PROBABILITY_INVALID]
        codes += [stop] if stop else []
        codes += [check[0] for check in checks if valid[row] and check[3][row]]
        failed.append(list(dict.fromkeys(codes)))
        filters.append(
            {
                code: [round(float(value[row]), 6), *bounds[row].tolist()]
                for code, value, bounds, _ in checks
                if np.isfinite(value[row])
            }
        )
    return failed, filters
