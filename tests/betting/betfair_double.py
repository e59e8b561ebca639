"""A local exchange that speaks API-NG over HTTP, remembers orders, and can be told to misbehave.

It listens on this machine alone.  ``misbehave`` names what the next calls of a method do;
``orders`` is what exists there, however badly it answered.
"""

import itertools
import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from betting.domain import price_ladder

DEDUPLICATION = 60.0  # seconds in which a request's own reference is remembered
BEFORE, AFTER = "before recording", "after recording"
FINEST_PRICES = {float(price) for price in price_ladder.ladder("FINEST")}


@dataclass
class Order:
    """An order as the exchange keeps it."""

    bet_id: str
    market_id: str
    selection_id: int
    handicap: float
    side: str
    price: float
    size: float
    ref: str
    matched: float = 0.0
    paid: float = 0.0  # average price matched
    remaining: float = 0.0
    ended: str = ""  # SETTLED, VOIDED, LAPSED, CANCELLED
    ended_at: str = "2031-03-01T12:00:00.000Z"
    profit: float = 0.0
    outcome: str = ""


@dataclass
class Market:
    """A market: ``offers`` are what a bet meets, price and size by selection and our side."""

    status: str = "OPEN"
    version: int = 1
    inplay: bool = False
    offers: dict[tuple[int, str], tuple[float, float]] = field(default_factory=dict)


@dataclass
class Fault:
    """What happens to a call instead of a plain answer."""

    when: str = BEFORE  # or AFTER: what it asked for was done
    error: str = ""  # an APINGException
    status: int = 0  # of HTTP
    body: bytes | None = None
    cut: bool = False  # the line, without a word
    hold: threading.Event | None = None  # never answers until this is set
    report: str = ""  # an errorCode of the whole execution
    execution: str = "FAILURE"
    forgets: bool = False  # the session, from now on
    then: Callable[[], None] | None = None  # called after recording


class Said(Exception):
    """An error that API-NG tells by its code."""


class BetfairDouble:
    """The exchange: its account, markets, orders, and the calls that it was sent."""

    def __init__(self) -> None:
        self.account = {"username": "jo", "password": "pass phrase", "app_key": "key-1"}
        self.currency, self.funds, self.exposure = "EUR", 1_000_000.0, 0.0
        self.markets: dict[str, Market] = {}
        self.orders: dict[str, Order] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.sessions: set[str] = set()
        self.logins = self.heartbeats = 0
        self.clock: Callable[[], float] = time.monotonic
        self.heart_due: float | None = None
        self.page = 1000
        self.commissions: dict[str, float] = {}  # by market
        self._seen: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    @contextmanager
    def running(self) -> Iterator["BetfairDouble"]:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            for fault in (fault for faults in self.faults.values() for fault in faults):
                if fault.hold is not None:
                    fault.hold.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def misbehave(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method go wrong, one fault each."""
        self.faults[method] += faults

    def sent(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of each call of a method."""
        return [parameters for name, parameters in self.requests if name == method]

    def existing(self, client_ref: str) -> list[Order]:
        """Return what stands under one reference: matched or on offer."""
        return [
            order
            for order in self.orders.values()
            if order.ref == client_ref and (order.matched or order.remaining)
        ]

    def market(self, market_id: str) -> Market:
        return self.markets.setdefault(market_id, Market())

    def settle(self, client_ref: str, ended: str, **told: Any) -> None:
        """End a reference's orders in one way: they are no longer among the current ones."""
        for order in self.orders.values():
            if order.ref == client_ref:
                order.ended = ended
                order.remaining = 0.0
                for name, value in told.items():
                    setattr(order, name, value)

    def had(self, order: Order) -> Order:
        """Let the account have an order, whoever placed it."""
        self.orders[order.bet_id] = order
        return order

    # What it does

    def log_in(self, form: dict[str, str], app_key: str) -> dict[str, str]:
        self.logins += 1
        if {**form, "app_key": app_key} != self.account:
            return {"status": "FAIL", "token": "", "error": "INVALID_USERNAME_OR_PASSWORD"}
        token = f"session-{next(self._numbers)}"
        self.sessions.add(token)
        return {"token": token, "product": app_key, "status": "SUCCESS", "error": ""}

    def keep_alive(self, token: str) -> dict[str, str]:
        known = token in self.sessions
        error = "" if known else "INPUT_VALIDATION_ERROR"
        return {"token": token, "status": "SUCCESS" if known else "FAIL", "error": error}

    def call(self, name: str, parameters: dict[str, Any], token: str) -> Any:
        if token not in self.sessions:
            raise Said("INVALID_SESSION_INFORMATION")
        with self._lock:
            return getattr(self, f"_{name}")(**parameters)

    def _getAccountDetails(self) -> dict[str, Any]:
        return {"currencyCode": self.currency, "firstName": "Jo", "localeCode": "en"}

    def _getAccountFunds(self, **_: Any) -> dict[str, Any]:
        return {"availableToBetBalance": self.funds, "exposure": self.exposure, "wallet": "UK"}

    def _heartbeat(self, preferredTimeoutSeconds: int) -> dict[str, Any]:
        self.heartbeats += 1
        now, was_due = self.clock(), self.heart_due
        self.heart_due = now + preferredTimeoutSeconds
        acted = "NONE"
        if was_due is not None and now > was_due:
            self._cancelOrders()
            acted = "ALL_BETS_CANCELLED"
        return {"actionPerformed": acted, "actualTimeoutSeconds": preferredTimeoutSeconds}

    def _listMarketCatalogue(self, filter: dict[str, Any], maxResults: int, **_: Any) -> list[Any]:
        wanted = filter.get("marketIds") or list(self.markets)
        known = [market_id for market_id in wanted if market_id in self.markets]
        return [{"marketId": m, "marketName": "Match Odds"} for m in known[:maxResults]]

    def _listMarketBook(self, marketIds: list[str], **_: Any) -> list[dict[str, Any]]:
        return [
            {
                "marketId": market_id,
                "isMarketDataDelayed": False,
                "status": market.status,
                "betDelay": 0,
                "inplay": market.inplay,
                "version": market.version,
                "runners": [],
            }
            for market_id in marketIds
            if (market := self.markets.get(market_id)) is not None
        ]

    def _placeOrders(
        self,
        marketId: str,
        instructions: list[dict[str, Any]],
        customerRef: str | None = None,
        marketVersion: dict[str, int] | None = None,
    ) -> dict[str, Any]:
        if not instructions or len(customerRef or "") > 32:
            raise Said("INVALID_INPUT_DATA")
        error = self._request_error(marketId, customerRef, marketVersion)
        errors = [error or self._order_error(one) for one in instructions]
        if any(errors):
            reports = [
                {"status": "FAILURE", "errorCode": one or "RELATED_ACTION_FAILED", "instruction": i}
                for one, i in zip(errors, instructions, strict=True)
            ]
            code = error or "BET_ACTION_ERROR"
            return _execution(marketId, "FAILURE", reports, errorCode=code)
        reports = [self._place(marketId, one) for one in instructions]
        return _execution(marketId, "SUCCESS", reports)

    def _request_error(
        self, market_id: str, customer_ref: str | None, version: dict[str, int] | None
    ) -> str:
        market = self.markets.get(market_id)
        if market is None:
            return "INVALID_MARKET_ID"
        if customer_ref:
            last = self._seen.get(customer_ref)
            if last is not None and self.clock() - last < DEDUPLICATION:
                return "DUPLICATE_TRANSACTION"
            self._seen[customer_ref] = self.clock()
        if version is not None and version["version"] < market.version:
            return "INVALID_MARKET_VERSION"
        if market.status != "OPEN":
            codes = {"SUSPENDED": "MARKET_SUSPENDED"}
            return codes.get(market.status, "MARKET_NOT_OPEN_FOR_BETTING")
        return ""

    def _order_error(self, instruction: dict[str, Any]) -> str:
        limit = instruction["limitOrder"]
        if limit["price"] not in FINEST_PRICES:
            return "INVALID_ODDS"
        if limit["size"] < 0.01:
            return "INVALID_BET_SIZE"
        return "INSUFFICIENT_FUNDS" if limit["size"] > self.funds else ""

    def _place(self, market_id: str, instruction: dict[str, Any]) -> dict[str, Any]:
        limit = instruction["limitOrder"]
        order = Order(
            bet_id=str(70_000_000_000 + next(self._numbers)),
            market_id=market_id,
            selection_id=instruction["selectionId"],
            handicap=instruction.get("handicap", 0.0),
            side=instruction["side"],
            price=limit["price"],
            size=limit["size"],
            ref=instruction.get("customerOrderRef", ""),
            remaining=limit["size"],
        )
        self._match(order, is_whole=limit.get("timeInForce") == "FILL_OR_KILL")
        self.orders[order.bet_id] = order
        state = "EXECUTABLE" if order.remaining else "EXECUTION_COMPLETE"
        return {
            "status": "SUCCESS",
            "instruction": instruction,
            "betId": order.bet_id,
            "placedDate": "2031-03-01T12:00:00.000Z",
            "averagePriceMatched": order.paid,
            "sizeMatched": order.matched,
            "orderStatus": "EXPIRED" if order.ended else state,
        }

    def _match(self, order: Order, *, is_whole: bool) -> None:
        """Meet the offer there is; without one told, anything is taken at the price asked."""
        offers = self.markets[order.market_id].offers
        price, size = offers.get((order.selection_id, order.side), (order.price, order.size))
        fits = price >= order.price if order.side == "BACK" else price <= order.price
        taken = min(size, order.size) if fits else 0.0
        if is_whole and taken < order.size:
            order.ended, order.remaining = "LAPSED", 0.0
            return
        order.matched, order.remaining = taken, round(order.size - taken, 2)
        order.paid = price if taken else 0.0

    def _cancelOrders(
        self,
        marketId: str | None = None,
        instructions: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Cancel; without a market everything, without instructions the whole market."""
        named = {one["betId"] for one in instructions or ()}
        hit = [
            order
            for order in self.orders.values()
            if (not marketId or order.market_id == marketId)
            and (not named or order.bet_id in named)
        ]
        reports = []
        for order in hit:
            report = {"status": "SUCCESS", "instruction": {"betId": order.bet_id}}
            if not order.remaining:
                report |= {"status": "FAILURE", "errorCode": "BET_TAKEN_OR_LAPSED"}
            reports.append({**report, "sizeCancelled": order.remaining})
            order.ended = order.ended or ("" if order.matched else "CANCELLED")
            order.remaining = 0.0
        status = "SUCCESS" if all(r["status"] == "SUCCESS" for r in reports) else "FAILURE"
        return _execution(marketId, status, reports)

    def _replaceOrders(
        self, marketId: str, instructions: list[dict[str, Any]], **_: Any
    ) -> dict[str, Any]:
        reports = []
        for one in instructions:
            order = self.orders[one["betId"]]
            size = order.remaining
            cancelled = self._cancelOrders(marketId, [{"betId": order.bet_id}])
            placed = self._place(
                marketId,
                {
                    "selectionId": order.selection_id,
                    "side": order.side,
                    "customerOrderRef": order.ref,
                    "limitOrder": {"price": one["newPrice"], "size": size},
                },
            )
            reports.append(
                {
                    "status": "SUCCESS",
                    "cancelInstructionReport": cancelled["instructionReports"][0],
                    "placeInstructionReport": placed,
                }
            )
        return _execution(marketId, "SUCCESS", reports)

    def _listCurrentOrders(
        self,
        customerOrderRefs: list[str] | None = None,
        fromRecord: int = 0,
        recordCount: int = 0,
        **_: Any,
    ) -> dict[str, Any]:
        rows = [
            {
                "betId": order.bet_id,
                "marketId": order.market_id,
                "selectionId": order.selection_id,
                "handicap": order.handicap,
                "priceSize": {"price": order.price, "size": order.size},
                "side": order.side,
                "placedDate": "2031-03-01T12:00:00.000Z",
                "status": "EXECUTABLE" if order.remaining else "EXECUTION_COMPLETE",
                "orderType": "LIMIT",
                "averagePriceMatched": order.paid,
                "sizeMatched": order.matched,
                "sizeRemaining": order.remaining,
                "customerOrderRef": order.ref,
            }
            for order in self.orders.values()
            if not order.ended and (not customerOrderRefs or order.ref in customerOrderRefs)
        ]
        page = rows[fromRecord : fromRecord + min(recordCount or self.page, self.page)]
        return {"currentOrders": page, "moreAvailable": fromRecord + len(page) < len(rows)}

    def _listClearedOrders(
        self,
        betStatus: str,
        customerOrderRefs: list[str] | None = None,
        settledDateRange: dict[str, str | None] | None = None,
        groupBy: str | None = None,
        fromRecord: int = 0,
        recordCount: int = 0,
        **_: Any,
    ) -> dict[str, Any]:
        found = [
            order
            for order in self.orders.values()
            if order.ended == betStatus
            and (not customerOrderRefs or order.ref in customerOrderRefs)
            and _in_range(order.ended_at, settledDateRange or {})
        ]
        rows = [_cleared(order) for order in found]
        if groupBy == "MARKET":
            rows = [
                {"marketId": market, "commission": self.commissions.get(market, 0.0)}
                for market in dict.fromkeys(order.market_id for order in found)
            ]
        page = rows[fromRecord : fromRecord + min(recordCount or self.page, self.page)]
        return {"clearedOrders": page, "moreAvailable": fromRecord + len(page) < len(rows)}


def _in_range(at: str, span: dict[str, str | None]) -> bool:
    """Say whether a moment lies in a range, whose ends both belong to it."""
    moment = datetime.fromisoformat(at)
    first, last = span.get("from"), span.get("to")
    return (not first or moment >= datetime.fromisoformat(first)) and (
        not last or moment <= datetime.fromisoformat(last)
    )


def _cleared(order: Order) -> dict[str, Any]:
    """Return an order as it is told once it ended; of no bet is its commission told."""
    told = {
        "betId": order.bet_id,
        "marketId": order.market_id,
        "selectionId": order.selection_id,
        "handicap": order.handicap,
        "placedDate": "2031-03-01T12:00:00.000Z",
        "settledDate": order.ended_at,
        "side": order.side,
        "priceRequested": order.price,
        "priceMatched": order.paid,
        "sizeSettled": order.matched,
        "customerOrderRef": order.ref,
    }
    if order.ended == "SETTLED":
        return {**told, "profit": order.profit, "betOutcome": order.outcome}
    return {**told, "sizeCancelled": round(order.size - order.matched, 2)}


def _execution(
    market_id: str | None, status: str, reports: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    return {"status": status, "marketId": market_id, "instructionReports": reports, **more}


def _handler(double: BetfairDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing on the terminal."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("X-Authentication", "")
            if self.path.startswith("/api/"):
                self._identity(body, token)
            else:
                self._rpc(json.loads(body), token)

        def _identity(self, body: bytes, token: str) -> None:
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            is_login = self.path.endswith("/login")
            self._misbehaving(
                "login" if is_login else "keepAlive",
                lambda: (
                    double.log_in(form, self.headers.get("X-Application", ""))
                    if is_login
                    else double.keep_alive(token)
                ),
                lambda told: told,
            )

        def _rpc(self, request: dict[str, Any], token: str) -> None:
            name = request["method"].rpartition("/")[2]
            double.requests.append((name, request["params"]))

            def told() -> dict[str, Any]:
                try:
                    result = double.call(name, request["params"], token)
                except Said as said:
                    return _error(str(said))
                return {"jsonrpc": "2.0", "result": result, "id": 1}

            self._misbehaving(name, told, _error)

        def _misbehaving(
            self, name: str, do: Callable[[], Any], error: Callable[[str], Any]
        ) -> None:
            fault = double.faults[name].pop(0) if double.faults[name] else Fault(AFTER)
            answer = do() if fault.when == AFTER else None
            if fault.then is not None:
                fault.then()
            if fault.forgets:
                double.sessions.clear()
                answer = _error("INVALID_SESSION_INFORMATION")
            if fault.hold is not None:
                fault.hold.wait(30)
            if fault.cut:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            if fault.error:
                answer = error(fault.error)
            if fault.report:
                answer = _error("") | {"result": _execution(None, fault.execution, [])}
                del answer["error"]
                answer["result"]["errorCode"] = fault.report
            if answer is None and fault.status == 0 and fault.body is None:
                answer = do()  # it was late, and did it all the same
            body = json.dumps(answer).encode() if fault.body is None else fault.body
            self._answer(fault.status or 200, body)

        def _answer(self, status: int, body: bytes) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    return Handler


def _error(code: str) -> dict[str, Any]:
    detail = {"APINGException": {"errorCode": code, "errorDetails": "", "requestUUID": "r-1"}}
    return {"jsonrpc": "2.0", "error": {"code": -32099, "message": code, "data": detail}, "id": 1}
