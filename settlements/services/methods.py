"""One bet by every method: the same closing prices, the margin taken off in each way."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection

from betting.models import Bet
from markets.domain import kinds, margins
from monitoring.errors import Refused
from settlements.domain import clv
from settlements.models import BetValue, ValueGap
from settlements.services import moved_lines, value_rows
from settlements.services.moved_lines import Asked
from settlements.services.rule_sets import Rules
from settlements.services.spread_history import Shapes
from settlements.services.value_rows import Due

#: Those that differ: the logarithmic one equals the odds ratio, the differential the additive.
METHODS = ("multiplicative", "odds_ratio", "shin", "power", "additive")


class NoSuchBet(Refused):
    """There is no bet of this number."""


class NoValue(Refused):
    """The bet has no closing-line value, and why."""


@dataclass(frozen=True, slots=True)
class ByMethod:
    """A bet's value by one method; ``used`` where the market had no margin to take off by it."""

    method: str
    used: str
    probability: float | None  # fair, of the bet's own line
    clv: float | None
    expected_profit: Decimal | None
    is_recorded: bool  # by this one its row was reckoned
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """A bet under all methods, beside what its row says."""

    value: BetValue
    rows: Sequence[ByMethod]


@dataclass(frozen=True, slots=True)
class _Book:
    """A whole closing market of one book."""

    prices: Sequence[float]
    place: int  # of the bet's answer


def of_bet(*, bet_id: int) -> Compared:
    """Return what a bet was worth by each method, from the closes that its row rests on.

    Raises:
        NoSuchBet: there is none of this number.
        NoValue: it has no value, or the closes that it rested on are gone.
    """
    if not 0 < bet_id < 2**63:
        raise NoSuchBet(f"there is no bet {bet_id}")
    value = BetValue.objects.select_related("bet__bankroll").filter(bet_id=bet_id).first()
    if value is None:
        raise _none(bet_id)
    bet = value_rows.described([bet_id])[bet_id]
    books, sums_to = _books(value, bet)
    if not books:
        raise NoValue(f"the closes that bet {bet_id} was valued by are gone: value it again")
    found = [_fair(books, sums_to, method) for method in METHODS]
    rules = Rules.load()
    return Compared(value, [_row(one, value, bet, rules) for one in _own(found, value, bet)])


def _none(bet_id: int) -> Refused:
    gap = ValueGap.objects.filter(bet_id=bet_id).first()
    if gap is not None:
        return NoValue(f"bet {bet_id} has no closing-line value: {gap.get_reason_display()}")
    if not Bet.objects.filter(pk=bet_id).exists():
        return NoSuchBet(f"there is no bet {bet_id}")
    return NoValue(f"bet {bet_id} has no closing-line value yet: its event has not closed")


def _books(value: BetValue, bet: Due) -> tuple[list[_Book], int]:
    """Return the closing markets of the reference; of every bookmaker where it is the consensus."""
    asked: dict[str, Any] = {"bet": bet.bet_id, "line": value.closing_line}
    with connection.cursor() as cursor:
        cursor.execute(_CLOSES, asked | {"reference": value.reference})
        rows = cursor.fetchall()
    markets: dict[int, list[tuple]] = {}
    for book, *row in rows:
        markets.setdefault(book, []).append(tuple(row))
    found = [
        _Book([row[0] for row in mine], next(at for at, row in enumerate(mine) if row[1]))
        for mine in markets.values()
        if any(row[1] for row in mine)
    ]
    places = rows[0][3] if rows else None
    return found, kinds.sums_to(kind=bet.kind, places=places) or 0


def _fair(books: Sequence[_Book], sums_to: int, method: str) -> tuple[str, str, float | None, str]:
    """Return the method, what was used, the fair chance at the closing line, or why there is none.

    Of the consensus: the mean of the books where it can be reckoned.
    """
    sizes = np.array([len(book.prices) for book in books], dtype=np.int64)
    part = margins.remove(
        prices=np.array([price for book in books for price in book.prices]), sizes=sizes,
        expected=sizes, sums_to=np.full(sizes.size, sums_to), method=method,
    )  # fmt: skip
    own = np.cumsum(sizes) - sizes + np.array([book.place for book in books])
    chances = part.probability[own]
    known = np.isfinite(chances)
    if not known.any():
        return method, "", None, str(part.method[own[0]])
    used = np.unique(part.method[own[known]]).tolist()
    return method, used[0] if len(used) == 1 else "mixed", float(chances[known].mean()), ""


def _own(
    found: Sequence[tuple[str, str, float | None, str]], value: BetValue, bet: Due
) -> list[tuple[str, str, float | None, str]]:
    """Carry each method's chance over to the bet's own line, where it closed on another."""
    if value.closing_line is None:
        return list(found)
    measure = moved_lines.measure_of(bet.kind)
    known = [one for one in found if one[2] is not None]
    asked = [
        Asked(
            role=bet.role, kind=bet.kind, line=bet.line or 0.0, question=bet.question(measure),
            closing_line=float(value.closing_line), closing_price=float(value.closing_price),
            probability=chance,
        )
        for _, _, chance, _ in known
        if chance is not None
    ]  # fmt: skip
    priced = moved_lines.price(asked, shapes=Shapes())
    own = {
        one[0]: worth.probability
        for one, worth in zip(known, priced, strict=True)
        if worth is not None
    }
    return [(name, used, own.get(name), why) for name, used, _, why in found]


def _row(
    one: tuple[str, str, float | None, str], value: BetValue, bet: Due, rules: Rules
) -> ByMethod:
    method, used, chance, why = one
    is_recorded = method == value.method
    if chance is None:
        return ByMethod(method, used, None, None, None, is_recorded, why)
    rate, base = value_rows.commission_of(bet, rules)
    terms: dict[str, Any] = {
        "price": np.array([float(bet.price)]), "probability": np.array([chance]),
        "is_lay": np.array([bet.is_lay]),
    }  # fmt: skip
    taken = clv.cost(**terms, rate=np.array([rate]), base=np.array([base]))
    worth = float((clv.fair(**terms) - taken)[0])
    money = clv.expected_profit(stake=bet.stake, clv=worth, refund=value.refund)
    return ByMethod(method, used, chance, worth, money, is_recorded)


_CLOSES = """
select p.book_id, p.price::float8,
       t.role = s.role and t.participant_id is not distinct from s.participant_id, o.places
from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join markets_competition c on c.id = e.competition_id
join markets_market o on o.event_id = m.event_id and o.kind = m.kind and o.period = m.period
     and o.statistic = m.statistic and o.participant_id is not distinct from m.participant_id
     and o.line is not distinct from coalesce(%(line)s::numeric, m.line)
join markets_selection t on t.market_id = o.id
join markets_closingprice p on p.selection_id = t.id and p.fair_probability is not null
     and p.exactness <> 'NONE'
join markets_book k on k.id = p.book_id and k.is_simulated = c.is_simulated
where b.id = %(bet)s
  and (k.code = %(reference)s or %(reference)s = 'consensus' and k.kind = 'BOOKMAKER')
order by p.book_id, t.id
"""
