"""Bets at Betfair's exchange, each one sent once and found again by our reference.

An order is filled whole at once, at the price that was decided on or a better one, or it is not
taken at all: a bet here has one stake, and none of it is left to wait at the exchange.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from betting.domain import price_ladder
from betting.venues.base import (
    Answer,
    Cleared,
    Foreign,
    Heart,
    State,
    Ticket,
    VenueRejected,
    VenueUnknown,
)
from betting.venues.betfair import calls, outside, reading, references, wire
from betting.venues.betfair.calls import Calls, Instruction
from markets.services import exchanges
from markets.services.exchanges import Exchange
from monitoring.errors import OutsideFailed, Refused

PATIENCE = 20.0  # seconds after which no further request is begun; with its own time-out, 28
#: How long what we sent may still be under way: longer than a call lasts, and longer than the
#: minute in which the exchange remembers a request.
LATEST_ARRIVAL = timedelta(seconds=90)
NEVER_ARRIVED = "never arrived at betfair"
TOO_YOUNG = "betfair does not know it, and it may still be under way"
OPEN = "OPEN"
UNTOUCHED = "NONE"  # a heartbeat came in time
_ENDED = (State.ACCEPTED, State.REJECTED)


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders of one market as one request sends them."""

    market_id: str
    version: int
    orders: Sequence[Instruction]

    @property
    def client_refs(self) -> list[str]:
        return [order.client_ref for order in self.orders]

    @property
    def customer_ref(self) -> str:
        """Return the request's own reference: the same for the same orders, 32 characters."""
        told = "\n".join([self.market_id, *sorted(self.client_refs)])
        return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(slots=True)
class BetfairVenue:
    """The account that the environment names; see ``Venue``.

    ``rests``: what is not matched at once stays on offer until the market turns in-play.
    """

    rests: bool = False
    timeout_seconds: float = calls.TIMEOUT
    namespace: str = references.NAMESPACE
    book_code: str = references.BOOK
    _calls: Calls = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._calls = Calls(Exchange(self.timeout_seconds))

    def place(self, tickets: Sequence[Ticket]) -> list[Answer]:
        """Send tickets market by market; after one request of unknown end nothing more is sent.

        Raises:
            VenueRejected: nothing could be sent.
        """
        began = time.monotonic()
        answers, runners = _mapped(tickets)
        wanted = [ticket for ticket in tickets if ticket.client_ref in runners]
        try:
            batches = list(self._batches(wanted, runners, answers))
        except (OutsideFailed, Refused) as fault:
            if answers:
                said = f"nothing was sent: {fault}"
                return [*answers, *_all(wanted, State.REJECTED, said, but=answers)]
            raise VenueRejected(f"nothing was sent: {fault}") from fault
        is_silent = False
        for batch in batches:
            if is_silent or time.monotonic() - began > PATIENCE:
                said = "not sent: betfair does not answer, or too slowly"
                answers += [Answer(ref, State.REJECTED, reason=said) for ref in batch.client_refs]
                continue
            told = self._send(batch)
            is_silent = any(answer.state == State.UNKNOWN for answer in told)
            answers += told
        return answers

    def ask(self, client_refs: Sequence[str], *, now: datetime) -> list[Answer]:
        """Say what became of references, from the orders that stand and all that ended.

        One that the exchange does not know is closed once it can no longer arrive.

        Raises:
            VenueUnknown: the exchange did not tell.
        """
        found = self._standing(client_refs)
        young = references.sent_after(now - LATEST_ARRIVAL, client_refs)
        return [_found(ref, found, may_arrive=ref in young) for ref in client_refs]

    def cancel(self, client_refs: Sequence[str], *, now: datetime) -> list[Answer]:
        """Take back what still waits of these references, and say what became of each.

        Raises:
            VenueRejected, VenueUnknown: as for ``place``; ``ask`` tells what stands.
        """
        waiting = self._open(client_refs)
        by_market: dict[str, list[str]] = {}
        for order in waiting:
            by_market.setdefault(order.marketId, []).append(order.betId)
        for market_id, bet_ids in sorted(by_market.items()):
            for at in range(0, len(bet_ids), calls.CHANGES_AT_MOST):
                some = bet_ids[at : at + calls.CHANGES_AT_MOST]
                self._calls.cancel(market_id=market_id, bet_ids=some)
        taken_back = {order.customerOrderRef for order in waiting}
        return [
            replace(answer, state=State.CANCELLED)
            if answer.client_ref in taken_back and answer.state in _ENDED and not answer.waits
            else answer
            for answer in self.ask(client_refs, now=now)
        ]

    @property
    def is_on(self) -> bool:
        """Tell whether this installation bets at the exchange."""
        try:
            exchanges.check_betting()
        except Refused:
            return False
        return True

    def keep_alive(self, *, seconds: int) -> Heart:
        """Say that we are there; after so many silent seconds what is not matched is cancelled.

        Raises:
            OutsideFailed: the exchange did not hear us, or did not say so.
        """
        heart = self._calls.heartbeat(seconds=seconds)
        acted = "" if heart.actionPerformed == UNTOUCHED else heart.actionPerformed
        return Heart(acted, heart.actualTimeoutSeconds)

    def standing(self, *, since: datetime) -> list[Foreign]:
        """Return every order of the account that stands, and those settled since.

        Raises:
            VenueUnknown: the exchange did not tell.
        """
        try:
            current = [outside.of_current(order) for order in self._calls.every_current()]
            settled = [outside.of_settled(order) for order in self._calls.every_settled(since)]
        except (OutsideFailed, Refused) as fault:
            raise VenueUnknown(f"betfair did not tell: {fault}") from fault
        found = {order.venue_ref: order for order in [*current, *settled]}  # the end is newer
        return [order for order in found.values() if order.stake > 0]

    def currency(self) -> str:
        """Return the account's currency."""
        return self._calls.currency()

    def balance(self) -> Decimal:
        """Return what lies in the account, with what open orders may lose."""
        funds = self._calls.funds()
        return reading.amount(funds.availableToBetBalance) - reading.amount(funds.exposure)

    def cleared(self, *, since: datetime, until: datetime) -> list[Cleared]:
        """Return every order of the account that ended in a period, in each of the four ways."""
        found = [
            outside.of_cleared(order, status=status)
            for status in calls.CLEARED
            for order in self._calls.ended(status=status, since=since, until=until)
        ]
        return [one for one in found if since <= one.ended_at < until]  # its end belongs to them

    def charged(self, *, since: datetime, until: datetime) -> dict[str, Decimal]:
        """Return the commission on each market that was settled in a period."""
        markets = self._calls.charged(since=since, until=until)
        return {one.marketId: reading.amount(one.commission) for one in markets}

    def replace(self, client_ref: str, price: Decimal, *, market_kind: str) -> Answer:
        """Offer what still waits of a reference at another price, and say what became of it.

        Raises:
            price_ladder.OffLadder: no exchange takes that price; nothing was sent.
            VenueRejected, VenueUnknown: as for ``place``; ``ask`` tells what stands.
        """
        price_ladder.place_of(price, kind=price_ladder.kind_for(market_kind))
        orders = self._open([client_ref])
        if not orders:
            raise VenueRejected("nothing of it waits to be matched")
        market_id = orders[0].marketId
        try:
            book = self._calls.books([market_id]).get(market_id)
        except (OutsideFailed, Refused) as fault:
            raise VenueRejected(f"nothing was sent: {fault}") from fault
        if book is None or (refusal := _refusal(book)):
            raise VenueRejected(refusal if book else reading.reason("INVALID_MARKET_ID"))
        prices = {order.betId: price for order in orders}
        told = "\n".join([*sorted(prices), str(price)])
        execution = self._calls.replace(
            market_id=market_id,
            version=book.version,
            prices=prices,
            customer_ref=hashlib.sha256(told.encode()).hexdigest()[:32],
        )
        answer = _found(client_ref, self._standing([client_ref]), may_arrive=True)
        if execution.status == reading.FAILURE and execution.errorCode:
            return replace(answer, reason=reading.reason(execution.errorCode))
        return answer

    def _batches(
        self,
        tickets: Sequence[Ticket],
        runners: dict[str, list[references.Runner]],
        answers: list[Answer],
    ) -> Iterator[Batch]:
        """Yield what is to be sent; what the exchange has, or would not take, is answered."""
        if not tickets:
            return
        there = reading.standing(self._calls.current([ticket.client_ref for ticket in tickets]), ())
        answers += [known.answer(client_ref) for client_ref, known in there.items()]
        tickets = [ticket for ticket in tickets if ticket.client_ref not in there]
        currency = self._calls.currency()
        ids = sorted({runner.market_id for found in runners.values() for runner in found})
        books = self._calls.books(ids)
        orders: dict[str, list[Instruction]] = {}
        for ticket in tickets:
            runner, refusal = _chosen(runners[ticket.client_ref], books)
            refusal = refusal or _currency_refusal(ticket, currency)
            if runner is None or refusal:
                answers.append(Answer(ticket.client_ref, State.REJECTED, reason=refusal))
                continue
            orders.setdefault(runner.market_id, []).append(_instruction(ticket, runner))
        for market_id, told in orders.items():
            for at in range(0, len(told), calls.INSTRUCTIONS_AT_MOST):
                some = told[at : at + calls.INSTRUCTIONS_AT_MOST]
                yield Batch(market_id, books[market_id].version, some)

    def _send(self, batch: Batch) -> list[Answer]:
        try:
            execution = self._calls.place(
                market_id=batch.market_id,
                version=batch.version,
                orders=batch.orders,
                customer_ref=batch.customer_ref,
                rests=self.rests,
            )
            if execution.errorCode == reading.DUPLICATE:
                found = self._standing(batch.client_refs)
                return [_found(ref, found, may_arrive=True) for ref in batch.client_refs]
        except VenueRejected as no:
            return [
                Answer(ref, State.REJECTED, reason=reading.reason(str(no)))
                for ref in batch.client_refs
            ]
        except VenueUnknown as fault:
            return [Answer(ref, State.UNKNOWN, reason=str(fault)) for ref in batch.client_refs]
        return reading.of_execution(execution, batch.orders)

    def _standing(self, client_refs: Sequence[str]) -> dict[str, reading.Standing]:
        """Return what the exchange knows; orders that stand first, for they only ever end."""
        try:
            current = list(self._calls.current(client_refs))
            cleared = [
                (status, order)
                for status in calls.CLEARED
                for order in self._calls.cleared(client_refs, status=status)
            ]
        except (OutsideFailed, Refused) as fault:
            raise VenueUnknown(f"betfair did not tell: {fault}") from fault
        return reading.standing(current, cleared)

    def _open(self, client_refs: Sequence[str]) -> list[wire.CurrentOrder]:
        try:
            orders = list(self._calls.current(client_refs))
        except (OutsideFailed, Refused) as fault:
            raise VenueRejected(f"nothing was sent: {fault}") from fault
        asked = set(client_refs)
        return [
            order
            for order in orders
            if order.status == reading.EXECUTABLE and order.customerOrderRef in asked
        ]


def _mapped(
    tickets: Sequence[Ticket],
) -> tuple[list[Answer], dict[str, list[references.Runner]]]:
    """Return the refusals that need no question, and the runners of the other tickets."""
    runners = references.runners_of(ticket.selection_id for ticket in tickets)
    books = references.is_exchange(ticket.book_id for ticket in tickets)
    answers: list[Answer] = []
    found: dict[str, list[references.Runner]] = {}
    for ticket in tickets:
        known = runners.get(ticket.selection_id, [])
        if refusal := _ticket_refusal(ticket, is_exchange=ticket.book_id in books, known=known):
            answers.append(Answer(ticket.client_ref, State.REJECTED, reason=refusal))
        else:
            found[ticket.client_ref] = known
    return answers, found


def _ticket_refusal(
    ticket: Ticket, *, is_exchange: bool, known: Sequence[references.Runner]
) -> str:
    if not is_exchange:
        return f"it was decided at another book than {references.BOOK}"
    if not known:
        return "no market of betfair is known for this selection, or it does not run"
    try:
        price_ladder.place_of(ticket.price, kind=price_ladder.kind_for(ticket.market_kind))
        price_ladder.check_stake(ticket.stake, price=ticket.price, currency=ticket.currency)
    except (price_ladder.OffLadder, price_ladder.StakeRefused) as wrong:
        return str(wrong)
    return ""


def _currency_refusal(ticket: Ticket, currency: str) -> str:
    if ticket.currency == currency:
        return ""
    return f"the bankroll holds {ticket.currency or 'no currency'}, the account {currency}"


def _refusal(book: wire.MarketBook) -> str:
    """Say why a market takes no bet of ours now."""
    if book.status == "SUSPENDED":
        return reading.reason("MARKET_SUSPENDED")
    if book.status != OPEN:
        return reading.reason("MARKET_NOT_OPEN_FOR_BETTING")
    return "MARKET_IN_PLAY: the event has begun" if book.inplay else ""


def _chosen(
    runners: Sequence[references.Runner], books: dict[str, wire.MarketBook]
) -> tuple[references.Runner | None, str]:
    """Return the one runner of an open market; else why there is none, or more than one."""
    refusals = {
        runner: _refusal(books[runner.market_id])
        if runner.market_id in books
        else reading.reason("INVALID_MARKET_ID")
        for runner in runners
    }
    usable = [runner for runner, refusal in refusals.items() if not refusal]
    if len(usable) == 1:
        return usable[0], ""
    if usable:
        return None, f"several open markets of betfair ask the same: {_names(usable)}"
    return None, next(iter(refusals.values()))


def _names(runners: Sequence[references.Runner]) -> str:
    return ", ".join(sorted(runner.market_id for runner in runners))


def _instruction(ticket: Ticket, runner: references.Runner) -> Instruction:
    return Instruction(
        client_ref=ticket.client_ref,
        runner_id=runner.id,
        handicap=runner.handicap,
        side=ticket.side,
        price=ticket.price,
        size=ticket.stake,
    )


def _all(
    tickets: Sequence[Ticket], state: State, said: str, *, but: Sequence[Answer]
) -> list[Answer]:
    answered = {answer.client_ref for answer in but}
    return [
        Answer(ticket.client_ref, state, reason=said)
        for ticket in tickets
        if ticket.client_ref not in answered
    ]


def _found(client_ref: str, found: dict[str, reading.Standing], *, may_arrive: bool) -> Answer:
    known = found.get(client_ref)
    if known is not None:
        return known.answer(client_ref)
    if may_arrive:
        return Answer(client_ref, State.UNKNOWN, reason=TOO_YOUNG)
    return Answer(client_ref, State.REJECTED, reason=NEVER_ARRIVED)
