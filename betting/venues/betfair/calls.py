"""The calls of the exchange that betting needs, and what each fault of them means.

A call that changes something has three ends: it was done and told, it is known not to have been
done (``VenueRejected``), or nobody knows (``VenueUnknown``).  What is not surely the second is
the third.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from betfairlightweight import APIClient, filters
from betfairlightweight.endpoints.baseendpoint import BaseEndpoint

from betting.venues.base import VenueRejected, VenueUnknown
from betting.venues.betfair import wire
from markets.services.exchanges import Exchange, ExchangeSaid
from monitoring.errors import OutsideFailed, Refused

TIMEOUT = 8.0  # seconds for one call
INSTRUCTIONS_AT_MOST = 50  # one request; the Italian exchange takes no more
CHANGES_AT_MOST = 60  # one request to cancel or to replace
REFS_AT_MOST = 100
BOOKS_AT_MOST = 40
RECORDS = 1000  # one page
SETTLED, VOIDED, LAPSED, CANCELLED = "SETTLED", "VOIDED", "LAPSED", "CANCELLED"
CLEARED = (SETTLED, VOIDED, LAPSED, CANCELLED)
BY_MARKET = "MARKET"  # commission is told of no less

#: Errors of a whole request by which the exchange says that it did not even begin.
_NOT_BEGUN = frozenset(
    {
        "ACCESS_DENIED",
        "INVALID_APP_KEY",
        "INVALID_INPUT_DATA",
        "INVALID_JSON",
        "NO_APP_KEY",
        "REQUEST_SIZE_EXCEEDS_LIMIT",
        "TOO_MANY_REQUESTS",
    }
)
Call = Callable[[APIClient], Any]
_REFUSED_AT_THE_DOOR = frozenset({"HTTP_4XX", "REFUSED_AUTH"})


class Instruction(NamedTuple):
    """One order as it is sent."""

    client_ref: str
    runner_id: int
    handicap: Decimal | None
    side: str
    price: Decimal
    size: Decimal


class Heartbeats(BaseEndpoint):
    """The exchange's heartbeat service, which the client library has no endpoint for."""

    URI = "HeartbeatAPING/v1.0/"

    def heartbeat(self, *, preferred_timeout_seconds: int) -> Any:
        """Ask to have what is not matched cancelled once we are silent for so long."""
        params = {"preferredTimeoutSeconds": preferred_timeout_seconds}
        _, told, elapsed = self.request(f"{self.URI}heartbeat", params, None)
        return self.process_response(told, None, elapsed, lightweight=True)

    @property
    def url(self) -> str:
        return f"{self.client.api_uri}heartbeat/json-rpc/v1"


@dataclass(frozen=True, slots=True)
class Calls:
    """The account's calls; those that read may be repeated, those that change never are."""

    exchange: Exchange

    def currency(self) -> str:
        """Return the account's currency."""
        account = self._read(lambda api: api.account.get_account_details(), wire.Account)
        return account.currencyCode

    def funds(self) -> wire.Funds:
        """Return what lies in the account."""
        return self._read(lambda api: api.account.get_account_funds(), wire.Funds)

    def heartbeat(self, *, seconds: int) -> wire.Heart:
        """Say that we are there, and shall be silent for no longer than so many seconds."""
        return self._read(
            lambda api: Heartbeats(api).heartbeat(preferred_timeout_seconds=seconds), wire.Heart
        )

    def books(self, market_ids: Sequence[str]) -> dict[str, wire.MarketBook]:
        """Return the state of markets by their ids."""
        found: dict[str, wire.MarketBook] = {}
        for some in _chunks(market_ids, BOOKS_AT_MOST):
            told = self._read(_books(some), list[wire.MarketBook])
            found |= {book.marketId: book for book in told}
        return found

    def current(self, client_refs: Sequence[str]) -> Iterator[wire.CurrentOrder]:
        """Yield the orders that stand, or stood on markets that are not settled."""
        for some in _chunks(client_refs, REFS_AT_MOST):
            yield from self._pages(partial(_current, some), wire.CurrentOrders, "currentOrders")

    def cleared(self, client_refs: Sequence[str], *, status: str) -> Iterator[wire.ClearedOrder]:
        """Yield the orders that ended in one way."""
        for some in _chunks(client_refs, REFS_AT_MOST):
            page = partial(_cleared, some, status)
            yield from self._pages(page, wire.ClearedOrders, "clearedOrders")

    def every_current(self) -> Iterator[wire.CurrentOrder]:
        """Yield every order of the account that stands, whoever placed it."""
        return self._pages(partial(_current, None), wire.CurrentOrders, "currentOrders")

    def every_settled(self, since: datetime) -> Iterator[wire.ClearedOrder]:
        """Yield every order of the account that was settled since."""
        return self._pages(partial(_settled, since), wire.ClearedOrders, "clearedOrders")

    def ended(
        self, *, status: str, since: datetime, until: datetime
    ) -> Iterator[wire.ClearedOrder]:
        """Yield every order of the account that ended in one way in a period."""
        return self._pages(
            partial(_ended, status, since, until, None), wire.ClearedOrders, "clearedOrders"
        )

    def charged(self, *, since: datetime, until: datetime) -> Iterator[wire.ClearedOrder]:
        """Yield every market that was settled in a period, with what was taken of it."""
        return self._pages(
            partial(_ended, SETTLED, since, until, BY_MARKET), wire.ClearedOrders, "clearedOrders"
        )

    def place(
        self,
        *,
        market_id: str,
        version: int,
        orders: Sequence[Instruction],
        customer_ref: str,
        rests: bool,
    ) -> wire.Execution[wire.PlaceReport]:
        """Send orders of one market, once."""
        instructions = [_place_instruction(order, rests=rests) for order in orders]
        return self._change(
            lambda api: api.betting.place_orders(
                market_id=market_id,
                instructions=instructions,
                customer_ref=customer_ref,
                market_version={"version": version},
            ),
            wire.Execution[wire.PlaceReport],
        )

    def cancel(
        self, *, market_id: str, bet_ids: Sequence[str]
    ) -> wire.Execution[wire.CancelReport]:
        """Cancel orders of one market.

        Raises:
            ValueError: no market or no order is named, which would cancel all there are.
        """
        if not market_id or not bet_ids or not all(bet_ids):
            raise ValueError("a cancellation names its market and each of its orders")
        instructions = [filters.cancel_instruction(bet_id=bet_id) for bet_id in bet_ids]
        return self._change(
            lambda api: api.betting.cancel_orders(market_id=market_id, instructions=instructions),
            wire.Execution[wire.CancelReport],
        )

    def replace(
        self, *, market_id: str, version: int, prices: dict[str, Decimal], customer_ref: str
    ) -> wire.Execution[wire.ReplaceReport]:
        """Cancel orders of one market and place what is left of them at other prices."""
        instructions = [
            filters.replace_instruction(bet_id=bet_id, new_price=float(price))
            for bet_id, price in prices.items()
        ]
        return self._change(
            lambda api: api.betting.replace_orders(
                market_id=market_id,
                instructions=instructions,
                customer_ref=customer_ref,
                market_version={"version": version},
            ),
            wire.Execution[wire.ReplaceReport],
        )

    def _pages(self, page: Callable[[int], Call], shape: Any, name: str) -> Iterator[Any]:
        at, has_more = 0, True
        while has_more:
            told = self._read(page(at), shape)
            rows = getattr(told, name)
            yield from rows
            at += len(rows)
            has_more = told.moreAvailable and bool(rows)

    def _read(self, call: Call, shape: Any) -> Any:
        return self.exchange.ask(call, shape=shape, may_repeat=True)

    def _change(self, call: Call, shape: Any) -> Any:
        """Call, and tell what is known not to have been done from what nobody knows."""
        try:
            self.exchange.log_in()
        except (OutsideFailed, Refused) as fault:
            raise VenueRejected(f"nothing was sent: {fault}") from fault
        try:
            return self.exchange.ask(call, shape=shape)
        except ExchangeSaid as error:
            if error.code in _NOT_BEGUN:
                raise VenueRejected(error.code) from error
            raise VenueUnknown(str(error)) from error
        except OutsideFailed as fault:
            if getattr(fault, "kind", "") in _REFUSED_AT_THE_DOOR:
                raise VenueRejected(str(fault)) from fault
            raise VenueUnknown(str(fault)) from fault


def _books(market_ids: list[str]) -> Call:
    return lambda api: api.betting.list_market_book(market_ids=market_ids)


def _settled(since: datetime, at: int) -> Call:
    return lambda api: api.betting.list_cleared_orders(
        bet_status=SETTLED,
        settled_date_range=filters.time_range(from_=since),
        from_record=at,
        record_count=RECORDS,
    )


def _ended(status: str, since: datetime, until: datetime, group_by: str | None, at: int) -> Call:
    return lambda api: api.betting.list_cleared_orders(
        bet_status=status,
        settled_date_range=filters.time_range(from_=since, to=until),
        group_by=group_by,
        from_record=at,
        record_count=RECORDS,
    )


def _current(client_refs: list[str] | None, at: int) -> Call:
    return lambda api: api.betting.list_current_orders(
        customer_order_refs=client_refs, from_record=at, record_count=RECORDS
    )


def _cleared(client_refs: list[str], status: str, at: int) -> Call:
    return lambda api: api.betting.list_cleared_orders(
        bet_status=status, customer_order_refs=client_refs, from_record=at, record_count=RECORDS
    )


def _place_instruction(order: Instruction, *, rests: bool) -> dict[str, Any]:
    """Return a limit order: filled whole at once or not at all, unless it may rest."""
    return filters.place_instruction(
        order_type="LIMIT",
        selection_id=order.runner_id,
        handicap=None if order.handicap is None else float(order.handicap),
        side=order.side,
        limit_order=filters.limit_order(
            price=float(order.price),
            size=float(order.size),
            persistence_type="LAPSE",
            time_in_force=None if rests else "FILL_OR_KILL",
        ),
        customer_order_ref=order.client_ref,
    )


def _chunks(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """Yield parts; none of them is empty, for an empty list asks for everything."""
    for at in range(0, len(items), size):
        yield list(items[at : at + size])
