"""Holding bets against the market as it was hours before the start.

The prices known at each moment come from the history of prices, whole chunks of events at a time;
whose price counts, and the mean of the bookmakers where nobody's does, is as for the close.  A
line that was not quoted then is carried over from the nearest that was.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from django.db import connection, transaction

from markets import queries as markets
from markets.domain import kinds, margins
from markets.models import Book, ClosingPrice
from settlements import queries
from settlements.domain import clv
from settlements.services import moved_lines, value_rows
from settlements.services.moved_lines import Asked
from settlements.services.rule_sets import Rules
from settlements.services.spread_history import Shapes
from settlements.services.value_rows import Due

HOURS = (24, 12, 4, 1)
CHUNK = 2_000
SHIFTED = ("SPREAD", "ASIAN_HANDICAP", "TOTAL")  # kinds whose other lines are the same question
_COLUMNS = {
    "bet_id": "bigint", "hours": "int", "moment": "timestamptz", "is_struck": "bool",
    "reference": "text", "method": "text", "line": "numeric", "price": "numeric",
    "probability": "float8", "age_seconds": "int", "clv": "float8",
}  # fmt: skip


class _Waiting(NamedTuple):
    """A bet whose values of the hours before are missing, or of another start."""

    bet_id: int
    event_id: int
    selection_id: int
    placed_at: datetime
    start: datetime
    time_scale: float

    def moment(self, hours: int) -> datetime:
        return self.start - timedelta(hours=hours) / self.time_scale


class _Quote(NamedTuple):
    """What the reference said of one selection at a moment."""

    reference: str
    method: str
    price: float
    probability: float
    age: int
    line: float  # the market's; NaN where it has none


def value_before(
    *, as_of: datetime, now: datetime, bankroll_ids: Sequence[int] | None = None
) -> int:
    """Value bets on events started by ``as_of`` at each of ``HOURS``; return how many bets.

    Written once for a start; anew when the start was corrected.
    """
    ids = queries.bankrolls_to_settle() if bankroll_ids is None else list(bankroll_ids)
    shapes, rules, found, after = Shapes(), Rules.load(), 0, 0
    while ids:
        asked: dict[str, Any] = {"ids": ids, "as_of": as_of, "after": after, "size": CHUNK}
        asked |= {"hours": list(HOURS), "kinds": list(kinds.ROLES)}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_WAITING, asked)
            waiting = [_Waiting(*row) for row in cursor.fetchall()]
            if waiting:
                known = value_rows.described([one.bet_id for one in waiting])
                rows = [
                    row
                    for hours in HOURS
                    for row in _at(hours, waiting, known, shapes=shapes, rules=rules)
                ]
                cursor.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])
        found += len(waiting)
        if len(waiting) < CHUNK:
            return found
        after = waiting[-1].bet_id
    return found


def _at(
    hours: int,
    waiting: Sequence[_Waiting],
    known: Mapping[int, Due],
    *,
    shapes: Shapes,
    rules: Rules,
) -> list[tuple[Any, ...]]:
    """Return the rows of one hour; empty values where nobody quoted the question then."""
    moments = {one.event_id: one.moment(hours) for one in waiting}
    quotes = _quotes(moments, {bet.kind for bet in known.values()})
    found = [
        quotes.own.get(one.selection_id)
        or quotes.nearest(event_id=one.event_id, bet=known[one.bet_id])
        for one in waiting
    ]
    chances = _chances([known[one.bet_id] for one in waiting], found, shapes)
    values = _values([known[one.bet_id] for one in waiting], chances, rules)
    rows: list[tuple[Any, ...]] = []
    for one, quote, chance, value in zip(waiting, found, chances, values, strict=True):
        moment = moments[one.event_id]
        head = (one.bet_id, hours, moment, one.placed_at <= moment)
        if quote is None or chance is None:
            rows.append((*head, "", "", None, None, None, None, None))
            continue
        own = known[one.bet_id].line
        line = None if own is None or quote.line == own else quote.line
        rows.append(
            (*head, quote.reference, quote.method, line, round(quote.price, 3), chance,
             quote.age, value)
        )  # fmt: skip
    return rows


class _Quotes(NamedTuple):
    own: Mapping[int, _Quote]  # by selection
    lines: Mapping[tuple[int, str, str], Sequence[_Quote]]  # by event, kind and role

    def nearest(self, *, event_id: int, bet: Due) -> _Quote | None:
        """Return the quote on the line nearest to the bet's, of its own side."""
        if bet.kind not in SHIFTED or bet.line is None or bet.period != "FULL":
            return None
        others = self.lines.get((event_id, bet.kind, bet.role), ())
        own = bet.line
        return min(others, key=lambda one: (abs(one.line - own), one.line), default=None)


def _quotes(moments: Mapping[int, datetime], asked: set[str]) -> _Quotes:
    """Return what the references said of every selection at its event's moment."""
    board = markets.event_board(event_ids=list(moments), as_of=moments, kinds=sorted(asked))
    board = board[board["book_kind"].isin(Book.IS_MARKET)]
    if board.empty:
        return _Quotes({}, {})
    board = board.sort_values(["market_id", "book_id", "selection_id"], kind="stable")
    sizes = board.groupby(["market_id", "book_id"], sort=False).size().to_numpy().astype(np.int64)
    first = np.cumsum(sizes) - sizes
    of = board["kind"].to_numpy()[first]
    part = margins.remove(
        prices=board["price"].to_numpy(dtype=np.float64), sizes=sizes,
        expected=np.array([kinds.answers(kind=kind) for kind in of]),
        sums_to=np.array([kinds.sums_to(kind=kind) or 0 for kind in of]),
    )  # fmt: skip
    starts = pd.to_datetime(board["event_id"].map(moments), utc=True)
    fair = markets.fair_of(
        board.assign(
            fair_probability=part.probability, overround=part.overround, method=part.method,
            exactness=ClosingPrice.Exactness.EXACT.value, name="", starts_at=starts,
            takes_bets=board["book_kind"] == Book.Kind.BOOKMAKER,
            price=board["price"].astype(float),
        )
    )  # fmt: skip
    line_of = dict(zip(board["market_id"], board["line"], strict=True))
    own: dict[int, _Quote] = {}
    lines: dict[tuple[int, str, str], list[_Quote]] = {}
    told: Any
    for told in fair.itertuples(index=False):
        row = told
        quote = _Quote(
            row.book_code, row.method, row.price, row.fair_probability,
            max(int(row.age_seconds), 0), line_of[row.market_id],
        )  # fmt: skip
        own[row.selection_id] = quote
        lines.setdefault((row.event_id, row.kind, row.role), []).append(quote)
    return _Quotes(own, lines)


def _chances(
    bets: Sequence[Due], quotes: Sequence[_Quote | None], shapes: Shapes
) -> list[float | None]:
    """Return the fair chance of each bet's own line; None where nothing says it."""
    found: list[float | None] = [None if one is None else one.probability for one in quotes]
    moved: dict[int, Asked] = {}
    for at, (bet, quote) in enumerate(zip(bets, quotes, strict=True)):
        if quote is not None and bet.line is not None and quote.line != bet.line:
            moved[at] = Asked(
                role=bet.role, kind=bet.kind, line=bet.line, closing_line=quote.line,
                question=bet.question(moved_lines.measure_of(bet.kind)),
                closing_price=quote.price, probability=quote.probability,
            )  # fmt: skip
    for at, own in zip(moved, moved_lines.price(list(moved.values()), shapes=shapes), strict=True):
        found[at] = own.probability if own else None
    return found


def _values(
    bets: Sequence[Due], chances: Sequence[float | None], rules: Rules
) -> list[float | None]:
    """Return CLV net of commission; None where there is no chance."""
    terms = [value_rows.commission_of(bet, rules) for bet in bets]
    asked: dict[str, Any] = {
        "price": np.array([float(bet.price) for bet in bets]),
        "probability": np.array([np.nan if one is None else one for one in chances]),
        "is_lay": np.array([bet.is_lay for bet in bets]),
    }
    taken = clv.cost(
        **asked, rate=np.array([rate for rate, _ in terms]),
        base=np.array([base for _, base in terms]),
    )  # fmt: skip
    worth = clv.fair(**asked) - taken
    return [None if np.isnan(one) else float(one) for one in worth]


_WAITING = """
select b.id, m.event_id, b.selection_id, b.placed_at, at.start, c.time_scale::float8
from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join markets_competition c on c.id = e.competition_id
cross join lateral (select coalesce(e.started_at, e.starts_at) as start) at
where b.bankroll_id = any(%(ids)s) and b.id > %(after)s and b.price > 1
  and (b.status = 'ACCEPTED' and b.matched_stake > 0 or b.status = 'SETTLED')
  and m.kind = any(%(kinds)s) and m.period = 'FULL' and at.start <= %(as_of)s
  and (select count(*) from settlements_valuebefore v where v.bet_id = b.id
       and abs(extract(epoch from at.start - v.moment) - 3600.0 * v.hours / c.time_scale) < 0.001
      ) < cardinality(%(hours)s::int[])
order by b.id limit %(size)s
"""
_UPSERT = f"""
insert into settlements_valuebefore ({", ".join(_COLUMNS)})
select * from unnest({", ".join(f"%s::{type_}[]" for type_ in _COLUMNS.values())})
on conflict (bet_id, hours) do update set
    {", ".join(f"{name} = excluded.{name}" for name in list(_COLUMNS)[2:])}
"""
