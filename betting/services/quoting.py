"""Which of the prices that books quote an arbitrage may take, and why not the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from betting import queries, venues
from betting.domain import arbitrage, selecting
from betting.domain.arbitrage import Offer
from betting.models import Strategy
from betting.services import complying
from markets.domain import kinds
from markets.models import Book


@dataclass(frozen=True, slots=True)
class Marks:
    """Why a book's price may not be taken by a strategy, whatever it is."""

    strategy: Strategy
    books: frozenset[int]
    halted: frozenset[int]
    forbidden: Mapping[int, str]
    venue_book: str | None  # the one book that its venue bets at; None: any
    oldest: pd.Timestamp

    @classmethod
    def of(cls, strategy: Strategy, *, now: datetime) -> "Marks":
        venue = venues.VENUES.get(venues.name_for(strategy.bankroll.kind))
        return cls(
            strategy=strategy,
            books=frozenset(strategy.books.values_list("pk", flat=True)),
            halted=queries.halted(at=now).books,
            forbidden=dict(complying.forbidden_books(bankroll=strategy.bankroll)),
            venue_book="" if venue is None else getattr(venue, "book_code", None),
            oldest=pd.Timestamp(now - timedelta(seconds=strategy.max_price_age_seconds)),
        )

    def offers(self, rows: pd.DataFrame, *, kind: str, is_hedge: bool = False) -> list[Offer]:
        """Return each price of a board with what speaks against it.

        A hedge asks of a price neither its size nor the book's margin.
        """
        answers, most = len(kinds.ROLES[kind]), self.strategy.max_overround
        margins = {} if is_hedge else _margins(rows, answers=answers, most=most)
        return [self._offer(row, margins) for row in rows.itertuples(index=False)]

    def _offer(self, row: Any, margins: Mapping[int, str]) -> Offer:
        is_exchange = row.book_kind == Book.Kind.EXCHANGE
        commission = Decimal(str(self.strategy.commission)) if is_exchange else Decimal(0)
        mark = self._of_book(row)
        if not mark and row.confirmed_at < self.oldest:
            mark = selecting.PRICE_STALE
        if not mark and margins:
            mark = margins[row.book_id] or self._of_price(row.price)
        return Offer(
            int(row.selection_id), int(row.book_id), row.price, commission, mark, row.book_code
        )

    def _of_book(self, row: Any) -> str:
        ladder = (
            (bool(self.books) and row.book_id not in self.books, selecting.BOOK_NOT_ALLOWED),
            (not row.is_enabled, selecting.BOOK_DISABLED),
            (row.book_kind not in selecting.TAKES_BETS, selecting.BOOK_NOT_ALLOWED),
            (self.venue_book not in (None, row.book_code), arbitrage.NO_VENUE),
            (row.book_id in self.halted, selecting.HALTED),
        )
        found = next((code for hit, code in ladder if hit), "")
        return found or self.forbidden.get(row.book_id, "")

    def _of_price(self, price: Decimal) -> str:
        is_within = self.strategy.min_price <= price <= self.strategy.max_price
        return "" if is_within else selecting.PRICE_OUT_OF_RANGE


def _margins(rows: pd.DataFrame, *, answers: int, most: float) -> dict[int, str]:
    """Return by book what its margin on the whole market speaks against its prices, or "".

    A book whose own prices come to less than one errs; one that quotes not all answers cannot be
    judged.
    """
    found = {}
    for key, own in rows.groupby("book_id"):
        book_id: Any = key
        booksum = sum((1 / Fraction(price) for price in own["price"]), Fraction(0))
        if len(own) < answers:
            reason = selecting.MARKET_INCOMPLETE
        elif booksum < 1:
            reason = arbitrage.BOOK_UNDERROUND
        else:
            is_dear = booksum - 1 > Fraction(str(most))
            reason = selecting.OVERROUND_TOO_HIGH if is_dear else ""
        found[int(book_id)] = reason
    return found
