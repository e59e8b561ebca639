"""Which of the exchange's markets and runners our selections are.

Betfair's ids are kept as ``markets`` read them: a market's id, and a runner's, which on a
handicap is followed by its line ("58805:-0.5").
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from betting.models import Bet
from markets.models import Book, SelectionAlias

NAMESPACE = "betfair"
BOOK = "betfair_exchange"


@dataclass(frozen=True, slots=True)
class Runner:
    """A runner of one of the exchange's markets."""

    market_id: str
    id: int
    handicap: Decimal | None = None


def runners_of(selection_ids: Iterable[int]) -> dict[int, list[Runner]]:
    """Return what the exchange calls each selection: nothing, or once for each of its markets."""
    rows = SelectionAlias.objects.filter(
        namespace=NAMESPACE, selection__in=set(selection_ids), selection__removed_at=None
    ).order_by("market_ref", "ref")
    found: dict[int, list[Runner]] = defaultdict(list)
    for selection_id, market_ref, ref in rows.values_list("selection_id", "market_ref", "ref"):
        runner = runner_of(market_ref, ref)
        if runner is not None:
            found[selection_id].append(runner)
    return dict(found)


def runner_of(market_ref: str, ref: str) -> Runner | None:
    """Return a runner from its kept ids; None where they are no ids of the exchange.

    >>> runner_of("1.206", "58805:-0.5"), runner_of("1.206", "x")
    (Runner(market_id='1.206', id=58805, handicap=Decimal('-0.5')), None)
    """
    number, _, handicap = ref.partition(":")
    try:
        return Runner(market_ref, int(number), Decimal(handicap) if handicap else None)
    except (ValueError, InvalidOperation):
        return None


def is_exchange(book_ids: Iterable[int]) -> set[int]:
    """Return which of these books are the exchange."""
    return set(Book.objects.filter(pk__in=set(book_ids), code=BOOK).values_list("pk", flat=True))


def sent_after(moment: datetime, client_refs: Iterable[str]) -> set[str]:
    """Return which bets may have been sent after a moment: their intent was written after it."""
    bets = Bet.objects.filter(client_ref__in=set(client_refs), reserved_at__gt=moment)
    return set(bets.values_list("client_ref", flat=True))
