"""The venue that takes bets on paper, at the prices the books really showed at that time.

It is another party: it keeps its own orders, commits them by itself, and knows our bets by
their reference alone.  The same tickets at the same time always get the same answers.  A book that
has a cost model may be late with an order, turn it down, or fill it in parts.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from betting.models import PaperOrder
from betting.venues import paper_fills
from betting.venues.base import Answer, State, Ticket
from markets import queries as markets

NEVER_ARRIVED = "never arrived"
PRICE_GONE = "price gone"
TAKEN_BACK = "taken back"


class PaperVenue:
    """Accepts at the book's price of the time where that is not below the one asked for."""

    def place(self, tickets: Sequence[Ticket]) -> list[Answer]:
        """Take a batch of tickets; a reference known before keeps its first answer."""
        models = paper_fills.models_of({ticket.book_id for ticket in tickets})
        plain = [ticket for ticket in tickets if ticket.book_id not in models]
        shown = _prices(plain)
        orders = [_order(t, shown.get((t.asked_at, t.selection_id, t.book_id))) for t in plain]
        modelled = [ticket for ticket in tickets if ticket.book_id in models]
        orders += paper_fills.orders(modelled, models=models, prices=_prices)
        PaperOrder.objects.bulk_create(orders, ignore_conflicts=True)
        return self._answers([ticket.client_ref for ticket in tickets], now=None)

    def ask(self, client_refs: Sequence[str], *, now: datetime) -> list[Answer]:
        """Say what became of references; one that never arrived is closed, so it never will."""
        self._close(client_refs, state=State.REJECTED, reason=NEVER_ARRIVED, now=now)
        return self._answers(client_refs, now=now)

    def cancel(self, client_refs: Sequence[str], *, now: datetime) -> list[Answer]:
        """Take back what has not arrived, so that it never will, and what waits.

        What is matched stays.
        """
        self._close(client_refs, state=State.CANCELLED, reason=TAKEN_BACK, now=now)
        ended = paper_fills.end(_known(client_refs), now=now)
        return [
            replace(answer, state=State.CANCELLED) if answer.client_ref in ended else answer
            for answer in self._answers(client_refs, now=now)
        ]

    def _close(
        self, client_refs: Sequence[str], *, state: State, reason: str, now: datetime
    ) -> None:
        """Give every reference that is not known a last answer."""
        closed = [
            PaperOrder(
                client_ref=client_ref,
                state=state,
                reason=reason,
                price=Decimal("0"),
                stake=Decimal("0"),
                received_at=now,
            )
            for client_ref in client_refs
        ]
        PaperOrder.objects.bulk_create(closed, ignore_conflicts=True)

    def _answers(self, client_refs: Sequence[str], *, now: datetime | None) -> list[Answer]:
        return [_answer(order, now=now) for order in _known(client_refs)]


def _known(client_refs: Sequence[str]) -> list[PaperOrder]:
    return list(PaperOrder.objects.filter(client_ref__in=list(client_refs)).order_by("pk"))


def _answer(order: PaperOrder, *, now: datetime | None) -> Answer:
    if order.fill is not None:
        return paper_fills.answer(order, now=now)
    return Answer(
        client_ref=order.client_ref,
        state=State(order.state),
        venue_ref=f"paper-{order.pk}",
        price=order.price if order.state == State.ACCEPTED else None,
        reason=order.reason,
    )


def _prices(tickets: Sequence[Ticket]) -> dict[tuple[datetime, int, int], Decimal]:
    """Return what each open book showed, by time, selection and book; one query per time."""
    shown: dict[tuple[datetime, int, int], Decimal] = {}
    for asked_at in sorted({ticket.asked_at for ticket in tickets}):
        mine = [ticket for ticket in tickets if ticket.asked_at == asked_at]
        board = markets.event_board(
            event_ids=sorted({ticket.event_id for ticket in mine}),
            as_of=asked_at,
            kinds=tuple(sorted({ticket.market_kind for ticket in mine})),
        )
        board = board[board["is_enabled"].astype(bool)]
        for selection_id, book_id, price in zip(
            board["selection_id"], board["book_id"], board["price"], strict=True
        ):
            shown[asked_at, int(selection_id), int(book_id)] = price
    return shown


def _order(ticket: Ticket, price: Decimal | None) -> PaperOrder:
    accepted = price is not None and price.is_finite() and price >= ticket.price
    return PaperOrder(
        client_ref=ticket.client_ref,
        state=State.ACCEPTED if accepted else State.REJECTED,
        reason="" if accepted else PRICE_GONE,
        price=price if price is not None and accepted else ticket.price,
        stake=ticket.stake,
        received_at=ticket.asked_at,
    )
