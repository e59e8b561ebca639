"""What the exchange's words mean for a bet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from betting.venues.base import Answer, State
from betting.venues.betfair import calls, wire

SUCCESS, FAILURE, TIMEOUT = "SUCCESS", "FAILURE", "TIMEOUT"
DUPLICATE = "DUPLICATE_TRANSACTION"
EXECUTABLE, COMPLETE, EXPIRED = "EXECUTABLE", "EXECUTION_COMPLETE", "EXPIRED"

#: Errors after which nobody can say what was done.
_UNSURE = frozenset({DUPLICATE, "ERROR_IN_MATCHER", "SERVICE_UNAVAILABLE", "TIMEOUT_ERROR"})
_REASONS = {
    "BET_ACTION_ERROR": "an order of the same request was refused",
    "BET_TAKEN_OR_LAPSED": "the order was matched or had lapsed before",
    "EVENT_EXPOSURE_LIMIT_EXCEEDED": "the exposure on the event would be too high",
    "INSUFFICIENT_FUNDS": "the account has too little money",
    "INVALID_ACCOUNT_STATE": "the account may not bet",
    "INVALID_BET_SIZE": "the stake is too small, or no whole cents",
    "INVALID_MARKET_ID": "it knows no such market",
    "INVALID_MARKET_VERSION": "the market had changed",
    "INVALID_ODDS": "the price is off the ladder",
    "INVALID_PROFIT_RATIO": "so small a stake would pay too much or too little",
    "INVALID_RUNNER": "it knows no such runner",
    "LOSS_LIMIT_EXCEEDED": "the account's own loss limit is reached",
    "MARKET_NOT_OPEN_FOR_BETTING": "the market is not open",
    "MARKET_SUSPENDED": "the market is suspended",
    "PERMISSION_DENIED": "the account may not bet there",
    "REJECTED_BY_REGULATOR": "the regulator refused it",
    "RELATED_ACTION_FAILED": "an order of the same request was refused",
    "RUNNER_REMOVED": "the runner does not run",
}


def reason(code: str) -> str:
    """Return an error's code with what it means.

    >>> reason("MARKET_SUSPENDED"), reason("SOMETHING_NEW")
    ('MARKET_SUSPENDED: the market is suspended', 'SOMETHING_NEW')
    """
    return f"{code}: {_REASONS[code]}" if code in _REASONS else code


def of_execution(
    execution: wire.Execution[wire.PlaceReport], orders: Sequence[calls.Instruction]
) -> list[Answer]:
    """Return an answer for each order; one that the exchange does not speak of is unknown."""
    reports = _by_ref(execution.instructionReports, [order.client_ref for order in orders])
    return [_of_report(order, reports.get(order.client_ref), execution) for order in orders]


def _by_ref(
    reports: Sequence[wire.PlaceReport], client_refs: Sequence[str]
) -> dict[str, wire.PlaceReport]:
    """Return reports by our reference: as they echo it, else in the order in which we sent."""
    told = [report.instruction.customerOrderRef for report in reports]
    if any(told):
        return {ref: report for ref, report in zip(told, reports, strict=True) if ref}
    return dict(zip(client_refs, reports, strict=True)) if len(told) == len(client_refs) else {}


def _of_report(
    order: calls.Instruction,
    report: wire.PlaceReport | None,
    execution: wire.Execution[wire.PlaceReport],
) -> Answer:
    ref, whole = order.client_ref, execution.errorCode or ""
    if report is None:
        if execution.status == FAILURE and whole and whole not in _UNSURE:
            return Answer(ref, State.REJECTED, reason=reason(whole))
        said = reason(whole or execution.status)
        return Answer(ref, State.UNKNOWN, reason=f"it did not say what became of it: {said}")
    venue_ref = report.betId or ""
    if report.status == FAILURE and not venue_ref and execution.status != TIMEOUT:
        code = report.errorCode or whole or FAILURE
        state = State.UNKNOWN if {code, whole} & _UNSURE else State.REJECTED
        return Answer(ref, state, reason=reason(code))
    if report.status != SUCCESS:
        return Answer(ref, State.UNKNOWN, venue_ref, reason=report.errorCode or report.status)
    matched = amount(report.sizeMatched)
    if matched:
        price = price_of(report.averagePriceMatched)
        said = part_of(matched, order.size)
        waits = report.orderStatus == EXECUTABLE
        return Answer(ref, State.ACCEPTED, venue_ref, price, said, matched, waits)
    if report.orderStatus == EXECUTABLE:
        return Answer(ref, State.ACCEPTED, venue_ref, matched=matched, waits=True)
    if report.orderStatus in (EXPIRED, COMPLETE):
        asked = f"nobody took it at {order.price}"
        return Answer(ref, State.REJECTED, venue_ref, reason=asked)
    said = f"it is {report.orderStatus or 'taken, and no more is said'}"
    return Answer(ref, State.UNKNOWN, venue_ref, reason=said)


@dataclass(slots=True)
class Standing:
    """All that the exchange knows of one reference; a replaced order is two of theirs."""

    bet_ids: list[str] = field(default_factory=list)
    matched: Decimal = Decimal(0)
    worth: Decimal = Decimal(0)  # matched x price
    is_open: bool = False
    ends: list[str] = field(default_factory=list)

    def answer(self, client_ref: str) -> Answer:
        """Say what became of it."""
        venue_ref = max(self.bet_ids, key=lambda text: (len(text), text))  # the newest
        if self.matched:
            price = (self.worth / self.matched).quantize(Decimal("0.001"))
            known = price if price > 1 else None
            return Answer(
                client_ref, State.ACCEPTED, venue_ref, known, "", self.matched, self.is_open
            )
        if self.is_open:
            return Answer(client_ref, State.ACCEPTED, venue_ref, matched=self.matched, waits=True)
        how = " and ".join(dict.fromkeys(self.ends)) or "ended without a match"
        return Answer(client_ref, State.REJECTED, venue_ref, reason=f"betfair: {how}")

    def take_match(self, size: Decimal, price: float | None) -> None:
        self.matched += size
        self.worth += size * Decimal(str(price or 0))


def standing(
    current: Iterable[wire.CurrentOrder], cleared: Iterable[tuple[str, wire.ClearedOrder]]
) -> dict[str, Standing]:
    """Return what is known of each reference; an order that moved on meanwhile counts once."""
    found: dict[str, Standing] = {}
    taken: set[str] = set()
    for order in current:
        if not order.customerOrderRef or order.betId in taken:
            continue
        taken.add(order.betId)
        known = found.setdefault(order.customerOrderRef, Standing())
        known.bet_ids.append(order.betId)
        known.take_match(amount(order.sizeMatched), order.averagePriceMatched)
        known.is_open |= order.status == EXECUTABLE
    for status, end in cleared:
        if not end.customerOrderRef:
            continue
        known = found.setdefault(end.customerOrderRef, Standing())
        known.bet_ids.append(end.betId)
        known.ends.append(status.lower())
        if status == calls.SETTLED and end.betId not in taken:
            taken.add(end.betId)
            known.take_match(amount(end.sizeSettled), end.priceMatched)
    return found


def amount(size: float | None) -> Decimal:
    """Return a size as cents.

    >>> amount(3.2), amount(None)
    (Decimal('3.20'), Decimal('0.00'))
    """
    return Decimal(str(size or 0)).quantize(Decimal("0.01"))


def price_of(price: float | None) -> Decimal | None:
    """Return a matched price; None where it is none.

    >>> price_of(2.2), price_of(0.0)
    (Decimal('2.200'), None)
    """
    found = Decimal(str(price or 0)).quantize(Decimal("0.001"))
    return found if found > 1 else None


def part_of(matched: Decimal, size: Decimal) -> str:
    """Say how much was matched, where it is not all.

    >>> part_of(Decimal("3.20"), Decimal("10.00"))
    'matched 3.20 of 10.00'
    """
    return "" if matched >= size else f"matched {matched} of {size}"
