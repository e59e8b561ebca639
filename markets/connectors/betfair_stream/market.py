"""One market while its recording is read: what it is, who offers what, and how it ended."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from markets.connectors.base import CLOSE, ParsedEvent, ParsedLadder
from markets.connectors.betfair import codes, described, wire
from markets.connectors.betfair.described import Described, NotRead, RunnerKey, Shape
from markets.connectors.betfair.results import result_of, starting_price
from markets.connectors.betfair_stream.facts import Facts, moment
from markets.domain import ladders, moments
from markets.domain.ladders import Ladder, Pace

BEFORE_THE_OFF = 1_000  # ms: a starting price counts as seen just before the start it is made at
_OPEN, _CLOSED = "OPEN", "CLOSED"
_HIGHEST = 1_000_000  # thousandths

Told = tuple[ladders.Offers, ladders.Offers, int | None, int | None]


@dataclass(slots=True)
class _Runner:
    """One runner's ladder, and what was told of it last."""

    prices: Pace
    snapshots: Pace
    ladder: Ladder = field(default_factory=Ladder)
    record: int = 0  # of the last change
    price: int | None = None
    told: Told = ((), (), None, None)
    starting_price: int | None = None


@dataclass(slots=True)
class Market:
    """State of one market.  ``names`` are its runners' from a catalogue, where there is one."""

    id: str
    names: dict[int, str]
    price_span: int
    ladder_span: int
    status: str = ""
    is_refused: bool = False
    has_started: bool = False
    defined_at: datetime | None = None  # when its newest definition was told
    started_at: datetime | None = None
    described: Described | None = None
    shape: Shape | None = None
    event: ParsedEvent | None = None
    runners: dict[RunnerKey, _Runner] = field(default_factory=dict)

    def take(self, change: wire.MarketChange, *, at: int, record: int, facts: Facts) -> None:
        """Take over one change of the market at ``at`` milliseconds since 1970."""
        if change.marketDefinition is not None:
            self._define(change.marketDefinition, at=at, record=record, facts=facts)
        if self.shape is None or self.status == _CLOSED:
            return
        if change.img:
            self._clear(at=at, record=record, facts=facts)
        for runner in change.rc:
            self._take_runner(runner, at=at, record=record, facts=facts)
        if change.img and self.status == _OPEN:  # those that the image leaves out have no offers
            self._tell_all(at=at, facts=facts)

    def describe(self, told: Described, *, record: int, facts: Facts, status: str = "") -> bool:
        """Take over what the market is; return whether it can be read.

        What was planned stays the plan: a start that is told after the off moves nothing.
        """
        if self.started_at is not None and self.described is not None:
            told = replace(told, starts_at=self.described.starts_at)
        self.names |= {runner.id: runner.name for runner in told.runners if runner.name}
        self.described = told.named_by(self.names)
        facts.excerpts[record] = f"{self.id} {told.event_name} {told.name}"[:500]
        try:
            self.shape = described.shape(self.described)
        except (NotRead, moments.BadMoment) as unread:
            at = unread.at if isinstance(unread, NotRead) else "timezone"
            if not self.is_refused:
                facts.tell(record, at, str(unread), is_rejection=True)
            self.is_refused, self.shape = True, None
            return False
        self._place(record=record, facts=facts, status=status)
        return True

    def _place(self, *, record: int, facts: Facts, status: str = "") -> None:
        """Put the event and the market among the facts; all others point at them."""
        if self.shape is None:
            return
        before = self.event
        status = status or (before.status if before is not None else "SCHEDULED")
        self.event = replace(
            self.shape.event,
            started_at=self.started_at,
            status=status,
            record=record,
            known_at=self.defined_at,
        )
        facts.events[self.event.ref] = self.event
        for key, market in self.shape.markets.items():
            facts.markets[key] = replace(market, record=record)
        if self.shape.competition is not None:
            facts.competitions[self.shape.competition.code] = self.shape.competition

    def _define(self, told: wire.Definition, *, at: int, record: int, facts: Facts) -> None:
        self.defined_at = moment(at)
        is_off = told.inPlay or told.bspReconciled
        if self.status == _OPEN and (told.status != _OPEN or is_off != self.has_started):
            self.fall_silent(at=at, facts=facts)
        try:
            market = described.of_definition(self.id, told)
        except moments.BadMoment as wrong:
            facts.tell(record, "marketTime", str(wrong), is_rejection=True)
            return
        if is_off and not self.has_started and self.status:  # it was seen before the off
            self.started_at = moment(at)
        self.has_started = self.has_started or is_off
        was_open, self.status = self.status == _OPEN, told.status
        status = "LIVE" if self.has_started else "SCHEDULED"
        if not self.describe(market, record=record, facts=facts, status=status):
            return
        if told.bspReconciled:
            self._take_starting_prices(told, at=at, record=record, facts=facts)
        if told.status == _CLOSED:
            self._close(at=at, record=record, facts=facts)
        elif told.status == _OPEN and not was_open:
            self._tell_all(at=at, facts=facts)

    def _runner(self, key: RunnerKey) -> _Runner:
        if key not in self.runners:
            self.runners[key] = _Runner(
                Pace(max(1, self.price_span)), Pace(max(1, self.ladder_span))
            )
        return self.runners[key]

    def _clear(self, *, at: int, record: int, facts: Facts) -> None:
        for key, runner in self.runners.items():
            self._tell_due(key, runner, at=at, facts=facts)
            runner.ladder.clear_offers()
            runner.record = record

    def _take_runner(
        self, change: wire.RunnerChange, *, at: int, record: int, facts: Facts
    ) -> None:
        key = (change.id, change.hc)
        assert self.shape is not None
        if key not in self.shape.keys:
            facts.tell(
                record, "rc", f"a runner of the definition, not {key[0]}", is_rejection=False
            )
            return
        runner = self._runner(key)
        self._tell_due(key, runner, at=at, facts=facts)
        runner.record = record
        back, lay = runner.ladder.back, runner.ladder.lay
        back.change_prices(change.atb)
        lay.change_prices(change.atl)
        back.change_levels(change.batb, shown=False)
        lay.change_levels(change.batl, shown=False)
        back.change_levels(change.bdatb, shown=True)
        lay.change_levels(change.bdatl, shown=True)
        if change.tv is not None and change.tv > 0:  # 0 in recordings without volumes
            runner.ladder.matched = ladders.hundredths(change.tv)
        if change.ltp is not None:
            self._take_trade(key, runner, ladders.thousandths(change.ltp), at=at, facts=facts)
        if self.status == _OPEN:
            self._tell(key, runner, at=at, facts=facts)

    def _take_trade(
        self, key: RunnerKey, runner: _Runner, price: int, *, at: int, facts: Facts
    ) -> None:
        if price == runner.ladder.last_traded or not 1_000 < price <= _HIGHEST:
            return
        runner.ladder.last_traded = price
        self._price(key, codes.TRADED, price, at=at, record=runner.record, facts=facts)

    def _tell(self, key: RunnerKey, runner: _Runner, *, at: int, facts: Facts) -> None:
        """Tell the best offers now, where they changed and the last telling is long enough ago."""
        if runner.ladder.back.best_price() != runner.price and runner.prices.changed(at=at):
            self._tell_price(key, runner, at=at, facts=facts)
        if runner.snapshots.changed(at=at):
            self._tell_ladder(key, runner, at=at, facts=facts)

    def _tell_all(self, *, at: int, facts: Facts) -> None:
        for key, runner in self.runners.items():
            self._tell(key, runner, at=at, facts=facts)

    def _tell_due(self, key: RunnerKey, runner: _Runner, *, at: int, facts: Facts) -> None:
        """Tell what waited long enough, before a change at ``at`` takes it away."""
        moment_of_price = runner.prices.due(at=at)
        if moment_of_price is not None:
            self._tell_price(key, runner, at=moment_of_price, facts=facts)
        moment_of_ladder = runner.snapshots.due(at=at)
        if moment_of_ladder is not None:
            self._tell_ladder(key, runner, at=moment_of_ladder, facts=facts)

    def fall_silent(self, *, at: int, facts: Facts) -> None:
        """Tell everything that still waits: the offers stop here."""
        for key, runner in self.runners.items():
            price_at = runner.prices.flush(at=at)
            if price_at is not None:
                self._tell_price(key, runner, at=price_at, facts=facts)
            ladder_at = runner.snapshots.flush(at=at)
            if ladder_at is not None:
                self._tell_ladder(key, runner, at=ladder_at, facts=facts)

    def _tell_price(self, key: RunnerKey, runner: _Runner, *, at: int, facts: Facts) -> None:
        best = runner.ladder.back.best_price()
        if best is None or best == runner.price or not 1_000 < best <= _HIGHEST:
            return
        runner.price = best
        self._price(key, codes.EXCHANGE, best, at=at, record=runner.record, facts=facts)

    def _price(
        self,
        key: RunnerKey,
        book: str,
        price: int,
        *,
        at: int,
        record: int,
        facts: Facts,
        mark: int = 0,
    ) -> None:
        self._ensure_placed(facts)
        assert self.shape is not None
        name = self.shape.keys[key]
        facts.price(key=name, book=book, price=price, at=at, record=record, mark=mark)

    def _ensure_placed(self, facts: Facts) -> None:
        """Give every portion the event and the market that its facts speak of."""
        if self.event is not None and self.event.ref not in facts.events:
            self._place(record=0, facts=facts)

    def _tell_ladder(self, key: RunnerKey, runner: _Runner, *, at: int, facts: Facts) -> None:
        ladder = runner.ladder
        told = (ladder.back.best(), ladder.lay.best(), ladder.last_traded, ladder.matched)
        if told == runner.told or not (told[0] or told[1] or runner.told[0] or runner.told[1]):
            return  # nothing new, or a recording that tells trades alone
        if self.shape is None:
            return
        runner.told = told
        self._ensure_placed(facts)
        event_ref, kind, period, line, _, _, role, name = self.shape.keys[key]
        facts.ladder(
            ParsedLadder(
                event_ref=event_ref,
                kind=kind,
                runner=name,
                role=role,
                period=period,
                line=line,
                book=codes.EXCHANGE,
                seen_at=moment(at),
                back=_as_offers(told[0]),
                lay=_as_offers(told[1]),
                last_traded=None if told[2] is None else ladders.price_of(told[2]),
                matched=None if told[3] is None else ladders.size_of(told[3]),
                record=runner.record,
            )
        )

    def _take_starting_prices(
        self, told: wire.Definition, *, at: int, record: int, facts: Facts
    ) -> None:
        """Take the prices that the exchange made of all bets at the start, once each."""
        off = at if self.started_at is None else _milliseconds(self.started_at)
        assert self.described is not None
        planned = _milliseconds(self.described.starts_at)
        seen = (min(off, planned) if self.started_at is None else off) - BEFORE_THE_OFF
        for runner in told.runners:
            price = starting_price(runner.bsp)
            key = (runner.id, runner.hc)
            if price is None or self.shape is None or key not in self.shape.keys:
                continue
            known = self._runner(key)
            if known.starting_price is None:
                known.starting_price = price
                self._price(
                    key, codes.STARTING, price, at=seen, record=record, facts=facts, mark=CLOSE
                )

    def _close(self, *, at: int, record: int, facts: Facts) -> None:
        """Read how the runners came in, and forget the offers."""
        self.runners.clear()
        assert self.described is not None and self.shape is not None
        if not self.shape.has_runners:
            return
        result = result_of(self.described, self.shape, known_at=moment(at), record=record)
        if result is None:
            facts.tell(
                record, "runners", "a winner among the runners of a closed market; no result taken",
                is_rejection=False,
            )  # fmt: skip
            return
        self._place(record=record, facts=facts, status="FINISHED")
        facts.results.append(result)


def _as_offers(offers: ladders.Offers) -> tuple:
    return tuple((ladders.price_of(price), ladders.size_of(size)) for price, size in offers)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
