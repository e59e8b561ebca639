"""Which candidates are worth a bet: what ``selecting.appraise`` says, over a whole history at once.

What a price is worth does not depend on the filters, so it is reckoned once and asked many times:
a grid of filters shares it.

Source of every rule: ``betting.domain.selecting`` and ``choosing``, to which a property test holds
each answer equal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from betting.domain import payoffs, selecting, staking
from betting.domain.programs.value import SPREADS
from betting.domain.windows import Window
from settlements.domain.backtesting.history import Floats, History, Ints
from settlements.domain.backtesting.plans import Plan

Bools = npt.NDArray[np.bool_]
_HOUR = 3_600_000_000
#: Why a quote may not be taken, by how far it came: ``selecting.REASONS`` has the order.
_STOPS = (
    selecting.NO_PRICE,
    selecting.BOOK_NOT_ALLOWED,
    selecting.BOOK_DISABLED,
    selecting.PRICE_STALE,
    selecting.MARKET_INCOMPLETE,
    selecting.OVERROUND_TOO_HIGH,
    "",
)
_PRICED = len(_STOPS) - 1


class Terms(NamedTuple):
    """Everything of a plan that prices are judged by."""

    books: tuple[str, ...]
    max_overround: float
    max_price_age_seconds: int
    commission: float


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """The quote of each candidate that came furthest, n values each; ``stop`` is in ``_STOPS``."""

    book: Ints  # its place among the history's books
    price: npt.NDArray[np.int32]
    odds: Floats
    net: Floats
    age: Floats
    overround: Floats
    edge: Floats
    kelly: Floats
    stop: npt.NDArray[np.int8]
    is_valid: Bools

    @property
    def is_priced(self) -> Bools:
        return self.stop == _PRICED


class Check(NamedTuple):
    """One filter asked of every candidate: which fail it, and what they came to."""

    code: str
    fails: Bools
    value: Floats
    bounds: tuple[float | Floats, ...]


def terms_of(plan: Plan) -> Terms:
    """Return what of a plan prices are judged by."""
    return Terms(
        tuple(sorted(plan.books)), plan.max_overround, plan.max_price_age_seconds, plan.commission
    )


def offers(history: History, terms: Terms) -> Offers:
    """Return the best price of each candidate that may be taken, or the one that came nearest."""
    n, books = history.prices.shape
    if not books:
        return _without_books(n)
    prices, ages = np.ascontiguousarray(history.prices.T), np.ascontiguousarray(history.ages.T)
    odds = prices / 1000.0
    rate = np.array([terms.commission if book.is_exchange else 0.0 for book in history.books])
    net = odds - (odds - 1.0) * rate[:, None] if rate.any() else odds
    fresh = (ages <= terms.max_price_age_seconds) & (ages >= 0.0) & (prices > 1000)
    overround = _overrounds(history, odds, fresh)
    stop = _stops(history, terms, prices=prices, fresh=fresh, overround=overround)
    place = _furthest(stop, net)
    at = (place, np.arange(n))
    chosen, best = stop[at], net[at]
    is_quoted = chosen > 0
    shadow = np.where(is_quoted, best, np.nan)
    edge = (history.probability * shadow - 1.0) * (1.0 - history.refund)
    kelly, is_sound = _kelly(history, shadow, edge)
    valid = is_sound & (history.probability > 0.0) & (history.probability < 1.0)
    return Offers(
        book=place,
        price=prices[at],
        odds=np.where(is_quoted, odds[at], np.nan),
        net=shadow,
        age=np.where(is_quoted, ages[at], np.nan),
        overround=overround[at],
        edge=edge,
        kelly=kelly,
        stop=chosen,
        is_valid=valid,
    )


def _furthest(stop: npt.NDArray[np.int8], net: Floats) -> Ints:
    """Return whose quote came furthest, of several the one that leaves most; else the first."""
    place = np.zeros(stop.shape[1], dtype=np.int64)
    stopped, most = stop[0].copy(), net[0].copy()
    for book in range(1, len(stop)):
        beats = (stop[book] > stopped) | ((stop[book] == stopped) & (net[book] > most))
        place[beats] = book
        np.copyto(stopped, stop[book], where=beats)
        np.copyto(most, net[book], where=beats)
    return place


def _without_books(n: int) -> Offers:
    none, zeros = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    return Offers(
        zeros, zeros.astype(np.int32), none, none, none, none, none, none,
        zeros.astype(np.int8), np.zeros(n, dtype=bool),
    )  # fmt: skip


def _overrounds(history: History, odds: Floats, fresh: Bools) -> Floats:
    """Return each book's booksum less 1 where it quotes the whole market, else NaN."""
    implied = np.divide(1.0, odds, out=np.zeros_like(odds), where=fresh)
    markets, whole = history.markets, selecting.SELECTIONS_OF.get(history.kind, -1)
    is_grouped = len(markets) > 0 and bool((np.diff(markets) >= 0).all())
    if is_grouped:
        first = np.flatnonzero(np.r_[True, markets[1:] != markets[:-1]])
        total = np.add.reduceat(implied, first, axis=1)
        count = np.add.reduceat(fresh.astype(np.int8), first, axis=1)
        at = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(markets)]))
    else:
        total = np.stack([np.bincount(markets, weights=quoted) for quoted in implied])
        count = np.stack([np.bincount(markets, weights=quoted) for quoted in fresh])
        at = markets
    return np.where(count == whole, total - 1.0, np.nan)[:, at]


def _stops(
    history: History,
    terms: Terms,
    *,
    prices: npt.NDArray[np.int32],
    fresh: Bools,
    overround: Floats,
) -> npt.NDArray[np.int8]:
    """Return how far each quote came, as a place in ``_STOPS``; 0 where there is none."""
    found = np.full(fresh.shape, _PRICED, dtype=np.int8)
    is_dear = overround > terms.max_overround
    found[is_dear] = _STOPS.index(selecting.OVERROUND_TOO_HIGH)
    found[np.isnan(overround)] = _STOPS.index(selecting.MARKET_INCOMPLETE)
    found[~fresh] = _STOPS.index(selecting.PRICE_STALE)
    for place, book in enumerate(history.books):
        if terms.books and book.code not in terms.books:
            found[place] = _STOPS.index(selecting.BOOK_NOT_ALLOWED)
        elif not book.is_enabled:
            found[place] = _STOPS.index(selecting.BOOK_DISABLED)
    found[prices == 0] = 0
    return found


def _kelly(history: History, net: Floats, edge: Floats) -> tuple[Floats, Bools]:
    """Return each Kelly share, and whether its refund can be; asked of payoffs one by one."""
    shares = staking.kelly(history.probability, net)
    refund = history.refund
    is_sound = (refund >= 0.0) & (refund < 1.0)
    for row in np.flatnonzero(is_sound & (refund > 0.0) & (edge > 0.0)):
        quarter = payoffs.quarter_of(
            role=str(history.role[row]), line=float(history.quarters[row]) / 4.0
        )
        try:
            pays = payoffs.on_a_line(
                probability=float(history.probability[row]),
                refund=float(refund[row]),
                price=float(net[row]),
                quarter=quarter,
            )
        except payoffs.UnsoundAnswer:
            is_sound[row] = False
        else:
            shares[row] = staking.kelly_of_payoffs(pays.net, pays.probability)
    return shares, is_sound


def picks(history: History, found: Offers, plan: Plan) -> Ints:
    """Return the places of the candidates that are worth a bet: of each event the best.

    Of equal edges the earlier one.
    """
    standing = found.is_priced & found.is_valid & _is_in_time(history, plan)
    standing &= (found.price >= _milli(plan.min_price)) & (found.price <= _milli(plan.max_price))
    standing &= found.edge >= _min_edge(history, plan)
    standing &= found.edge <= plan.max_edge
    if plan.min_probability > 0.0:
        standing &= history.probability >= plan.min_probability
    return best_of_event(history, found.edge, standing)


def best_of_event(history: History, edge: Floats, standing: Bools) -> Ints:
    """Return the place of the greatest edge of each event with one that stands."""
    places = np.flatnonzero(standing)
    if not len(places):
        return places
    events, edges = history.number[places], edge[places]
    first = np.flatnonzero(np.r_[True, events[1:] != events[:-1]])
    most = np.maximum.reduceat(edges, first)
    sizes = np.diff(np.r_[first, len(places)])
    tops = np.flatnonzero(edges == np.repeat(most, sizes))
    owner = events[tops]
    return places[tops[np.r_[True, owner[1:] != owner[:-1]]]]


def checks(history: History, found: Offers, plan: Plan) -> Iterator[Check]:
    """Ask every filter of every candidate, in the order of ``selecting``."""
    window = Window(least=plan.min_hours_to_start, most=plan.max_hours_to_start)
    hours = (history.starts - history.as_of) / _HOUR
    yield Check(selecting.OUTSIDE_WINDOW, ~_is_in_time(history, plan), hours, tuple(window.bounds))
    asked = (
        (selecting.PRICE_STALE, found.age, None, float(plan.max_price_age_seconds)),
        (selecting.OVERROUND_TOO_HIGH, found.overround, None, plan.max_overround),
        (selecting.PRICE_OUT_OF_RANGE, found.odds, float(plan.min_price), float(plan.max_price)),
        (selecting.PROBABILITY_TOO_LOW, history.probability, plan.min_probability, None),
        (selecting.EDGE_TOO_SMALL, found.edge, _min_edge(history, plan), None),
        (selecting.EDGE_ABSURD, found.edge, None, plan.max_edge),
    )
    for code, value, low, high in asked:
        below = value < (-np.inf if low is None else low)
        above = value > (np.inf if high is None else high)
        bounds = tuple(bound for bound in (low, high) if bound is not None)
        yield Check(code, (below | above) & found.is_valid, value, bounds)


def stops(found: Offers) -> list[tuple[str, Bools]]:
    """Return who may not be bet on whatever the filters say, by the reason."""
    return [
        (selecting.PROBABILITY_INVALID, ~found.is_valid),
        *((code, found.stop == at) for at, code in enumerate(_STOPS) if code),
    ]


def _is_in_time(history: History, plan: Plan) -> Bools:
    hours = (history.starts - history.as_of) / _HOUR
    inside = np.ones(len(history), dtype=bool)
    if plan.min_hours_to_start is not None:
        inside &= hours >= plan.min_hours_to_start
    if plan.max_hours_to_start is not None:
        inside &= hours <= plan.max_hours_to_start
    return inside


def _min_edge(history: History, plan: Plan) -> float | Floats:
    """Return the least edge asked of each candidate: spreads may have their own."""
    told = plan.told
    if history.kind not in SPREADS or (
        told.spread_min_edge is None and told.spread_min_edge_home is None
    ):
        return plan.min_edge
    of_all = max(plan.min_edge, told.spread_min_edge or 0.0)
    at_home = max(of_all, told.spread_min_edge_home or 0.0)
    return np.where(history.role == "HOME", at_home, of_all)


def _milli(price: object) -> int:
    return round(float(str(price)) * 1000)
