"""A market's book beside its catalogue: prices, ladders, non-runners, results."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from markets.connectors.base import (
    CLOSE,
    ParsedBatch,
    ParsedCompetition,
    ParsedEvent,
    ParsedLadder,
    ParsedMarket,
    ParsedPrice,
    ParsedResult,
    Problem,
)
from markets.connectors.betfair import codes, described, wire
from markets.connectors.betfair.described import Described, Runner, Shape
from markets.connectors.betfair.results import result_of, starting_price
from markets.connectors.columns import PriceKey
from markets.domain import formats, ladders

BEFORE_THE_OFF = timedelta(seconds=1)
_OPEN, _CLOSED = "OPEN", "CLOSED"


@dataclass(slots=True)
class Gathering:
    """The facts of one answer."""

    file: str
    fetched_at: datetime
    takes_delayed: bool = False
    records: int = 0
    events: dict[str, ParsedEvent] = field(default_factory=dict)
    markets: dict[str, ParsedMarket] = field(default_factory=dict)
    competitions: dict[str, ParsedCompetition] = field(default_factory=dict)
    prices: list[ParsedPrice] = field(default_factory=list)
    ladders: list[ParsedLadder] = field(default_factory=list)
    results: list[ParsedResult] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    excerpts: dict[int, str] = field(default_factory=dict)

    def tell(
        self, record: int | None, at: str, expected: str, *, is_rejection: bool = False
    ) -> None:
        self.problems.append(Problem(self.file, record, at, expected[:500], is_rejection))

    def reject(self, record: int, unread: Exception, at: str = "") -> None:
        """Refuse one market; the exception says what was expected."""
        self.tell(record, getattr(unread, "at", at), str(unread), is_rejection=True)

    def place(self, shape: Shape, record: int, *, status: str = "SCHEDULED") -> None:
        """Take an event and its market; a later telling of them replaces an earlier one."""
        known = self.events.get(shape.event.ref)
        first = known.record if known is not None else record
        self.events[shape.event.ref] = replace(shape.event, status=status, record=first)
        for key, market in shape.markets.items():
            before = self.markets.get(key)
            first = before.record if before is not None else record
            self.markets[key] = replace(market, record=first)
        if shape.competition is not None:
            self.competitions[shape.competition.code] = shape.competition

    def as_batch(self) -> ParsedBatch:
        return ParsedBatch(
            events=list(self.events.values()),
            prices=self.prices,
            results=self.results,
            problems=self.problems,
            competitions=list(self.competitions.values()),
            books=codes.BOOKS,
            markets=list(self.markets.values()),
            ladders=self.ladders,
            records=self.records,
            excerpts=self.excerpts,
        )


def take_catalogue(told: wire.Catalogue, record: int, facts: Gathering) -> Described:
    """Take what a catalogue tells of one market.

    Raises:
        described.NotRead, moments.BadMoment: it is not read.
    """
    facts.excerpts[record] = f"{told.marketId} {told.event.name} {told.marketName}"[:500]
    market = described.of_catalogue(told)
    facts.place(described.shape(market), record)
    return market


def take_book(
    told: wire.MarketBook, market: Described | None, record: int, facts: Gathering
) -> None:
    """Take what a book tells of one market; without its catalogue it waits for its event.

    Raises:
        described.NotRead, moments.BadMoment: it is not read.
    """
    facts.excerpts[record] = f"{told.marketId} {told.status}"
    if market is None:
        facts.events.setdefault(told.marketId, _unknown(told.marketId, record))
        facts.tell(record, "marketId", f"the catalogue of {told.marketId} in the same answer")
        return
    names = {runner.id: runner.name for runner in market.runners}
    market = replace(
        market,
        winners=told.numberOfWinners,
        runners=[_runner(runner, names) for runner in told.runners],
    )
    shape = described.shape(market)
    status = "LIVE" if told.inplay else "SCHEDULED"
    if told.status == _CLOSED and _take_result(market, shape, record, facts):
        status = "FINISHED"
    facts.place(shape, record, status=status)
    if told.isMarketDataDelayed and not facts.takes_delayed:
        facts.tell(record, "isMarketDataDelayed", "live data: this application key is delayed")
        return
    for runner in told.runners:
        key = shape.keys[runner.selectionId, runner.handicap]
        if told.status == _OPEN:
            _take_offers(runner, key, record, facts)
        if told.bspReconciled:
            _take_starting_price(runner, key, market.starts_at, record, facts)


def _unknown(market_id: str, record: int) -> ParsedEvent:
    return ParsedEvent(
        ref=market_id, competition="", season="", record=record, id=market_id, is_known_only=True
    )


def _runner(told: wire.BookRunner, names: Mapping[int, str]) -> Runner:
    return Runner(
        told.selectionId,
        told.handicap,
        names.get(told.selectionId, ""),
        told.status,
        *described.removal(told.status, told.removalDate, told.adjustmentFactor),
    )


def _take_offers(runner: wire.BookRunner, key: PriceKey, record: int, facts: Gathering) -> None:
    back = _side(runner.ex.availableToBack, is_back=True)
    lay = _side(runner.ex.availableToLay, is_back=False)
    if back:
        _price(facts, key, codes.EXCHANGE, back[0][0], facts.fetched_at, record)
    traded = None
    if runner.lastPriceTraded is not None and 1 < runner.lastPriceTraded <= formats.HIGHEST_PRICE:
        traded = ladders.price_of(ladders.thousandths(runner.lastPriceTraded))
        _price(facts, key, codes.TRADED, traded, facts.fetched_at, record)
    if not (back or lay):
        return
    matched = runner.totalMatched or None  # 0 where volumes were not asked for
    facts.ladders.append(
        ParsedLadder(
            event_ref=key[0],
            kind=key[1],
            runner=key[7],
            role=key[6],
            period=key[2],
            line=key[3],
            book=codes.EXCHANGE,
            seen_at=facts.fetched_at,
            back=back,
            lay=lay,
            last_traded=traded,
            matched=None if matched is None else ladders.size_of(ladders.hundredths(matched)),
            record=record,
        )
    )


def _side(offers: list[wire.Offer], *, is_back: bool) -> tuple[tuple[Decimal, Decimal], ...]:
    """Return the best offers of one side, best first."""
    side = ladders.Side(is_back=is_back)
    side.change_prices([(offer.price, offer.size) for offer in offers])
    return tuple((ladders.price_of(price), ladders.size_of(size)) for price, size in side.best())


def _take_starting_price(
    runner: wire.BookRunner, key: PriceKey, starts_at: datetime, record: int, facts: Gathering
) -> None:
    price = starting_price(runner.sp.actualSP)
    if price is not None:
        seen = min(facts.fetched_at, starts_at - BEFORE_THE_OFF)
        _price(facts, key, codes.STARTING, ladders.price_of(price), seen, record, CLOSE)


def _price(
    facts: Gathering,
    key: PriceKey,
    book: str,
    price: Decimal,
    seen_at: datetime,
    record: int,
    mark: int = 0,
) -> None:
    event_ref, kind, period, line, participant, statistic, role, runner = key
    facts.prices.append(
        ParsedPrice(
            event_ref, kind, line, role, book, price, seen_at,
            period, participant, statistic, runner, mark, record,
        )
    )  # fmt: skip


def _take_result(market: Described, shape: Shape, record: int, facts: Gathering) -> bool:
    """Take how the runners came in; return whether somebody won."""
    if not shape.has_runners:
        return False
    result = result_of(market, shape, known_at=facts.fetched_at, record=record)
    if result is None:
        facts.tell(record, "runners", "a winner among the runners of a closed market")
        return False
    facts.results.append(result)
    return True
