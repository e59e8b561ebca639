"""Reads recordings line by line: a gigabyte takes no more memory than its largest portion."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

import msgspec

from markets.connectors import payloads
from markets.connectors.base import RECORDS_AT_MOST, ParsedBatch, Reading
from markets.connectors.betfair import codes, described, wire
from markets.connectors.betfair.batches import joined
from markets.connectors.betfair_stream.facts import Facts
from markets.connectors.betfair_stream.market import Market
from markets.domain import moments

LINE_AT_MOST = 32 * 1024 * 1024
_PRICE_SPAN, _LADDER_SPAN = 1_000, 5_000  # ms between two tellings of one runner
_SPAN_AT_MOST = 600_000
_LATEST = 4_102_444_800_000  # 2100 in ms
_OPTIONS = {"conflate_ms": _PRICE_SPAN, "ladder_ms": _LADDER_SPAN}
_MESSAGES = msgspec.json.Decoder(wire.Message)
_OPERATIONS = msgspec.json.Decoder(wire.Operation)
_CATALOGUES = msgspec.json.Decoder(wire.Catalogue)
_PACKED = re.compile(r"\.(bz2|gz)$", re.IGNORECASE)


class BetfairStream:
    """Reads recordings of Betfair's exchange stream and the catalogues kept beside them."""

    code = "betfair_stream"
    namespace = codes.NAMESPACE
    #: Recordings are often named by their market's id alone, so a last digit will do.
    suffixes = (".json", ".bz2", ".gz", ".zip", ".tar", *"0123456789")

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one whole recording apart; see ``Connector.parse``."""
        reading = Reading(name=name, fetched_at=fetched_at)
        return joined(list(self.read(BytesIO(payload), reading=reading)))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take a recording apart in portions; see ``ReadingConnector.read``."""
        recording = _Recording(reading, Facts(reading.name))
        number = 0
        for number, line in _lines(stream):
            if number == 1 and not line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
                is_page = line.lstrip()[:1] == b"<"
                found = "a web page" if is_page else repr(line[:40].decode("utf-8", "replace"))
                expected = "a recording of the Betfair stream, one JSON message a line"
                recording.refuse(f"{expected}, not {found}")
                break
            recording.take(number, line)
            if recording.facts.records >= RECORDS_AT_MOST:
                yield recording.facts.as_batch()
                recording.facts = Facts(reading.name)
        if not number:
            recording.refuse("a recording of the Betfair stream, not an empty payload")
        recording.end()
        yield recording.facts.as_batch()

    def order(self, name: str) -> tuple[Any, ...]:
        """Return catalogues first: they tell the names that recordings leave out."""
        return (not name.lower().endswith(".json"), name)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the spans between two tellings."""
        wrong = [
            f"an option of {sorted(_OPTIONS)}, not {key!r}" for key in options.keys() - _OPTIONS
        ]
        for key in sorted(options.keys() & _OPTIONS):
            value = options[key]
            if (
                isinstance(value, bool)
                or not isinstance(value, int)
                or not 0 <= value <= _SPAN_AT_MOST
            ):
                wrong.append(f"{key}: milliseconds from 0 to {_SPAN_AT_MOST}, not {value!r}")
        return wrong


@dataclass(slots=True)
class _Recording:
    """One file while it is read."""

    reading: Reading
    facts: Facts
    last_at: int = 0
    markets: dict[str, Market] = field(default_factory=dict)
    names: dict[str, dict[int, str]] = field(default_factory=dict)  # by market, from catalogues

    def refuse(self, expected: str) -> None:
        self.facts.tell(None, "", expected, is_rejection=False)

    def take(self, number: int, line: bytes) -> None:
        """Take over one line, which is one record."""
        self.facts.records += 1
        try:
            message = _MESSAGES.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
            self._reject(number, line, wrong)
            return
        if message.op == "marketCatalogue":
            self._take_catalogue(number, line)
        elif message.op != "mcm":
            self._not_ours(number, message.op)
        elif message.pt is None or not 0 < message.pt < _LATEST:
            self.facts.tell(
                number, "pt", f"milliseconds since 1970, not {message.pt}", is_rejection=True
            )
        else:
            self.last_at = message.pt
            self._take_changes(number, message.mc, message.pt)

    def _take_changes(self, number: int, changes: Sequence[wire.MarketChange], at: int) -> None:
        try:
            for change in changes:
                self._take_change(number, change, at)
        except OverflowError:
            expected = "prices and sizes of up to a billion"
            self.facts.tell(number, "rc", expected, is_rejection=True)

    def _reject(self, number: int, line: bytes, wrong: Exception) -> None:
        try:
            op = _OPERATIONS.decode(line).op
        except (msgspec.MsgspecError, UnicodeDecodeError):
            op = "mcm"
        if op != "mcm":
            self._not_ours(number, op)
        else:
            said = payloads.in_words(wrong, what="a whole mcm message")
            self.facts.tell(number, "", said, is_rejection=True)

    def _not_ours(self, number: int, op: str) -> None:
        self.facts.tell(number, "op", f"an mcm message, not {op[:40]!r}", is_rejection=True)

    def _take_change(self, number: int, change: wire.MarketChange, at: int) -> None:
        market = self.markets.get(change.id)
        if market is None:
            if change.marketDefinition is None:
                self.facts.tell(
                    number, "mc", f"the definition of {change.id[:40]} before its prices",
                    is_rejection=True,
                )  # fmt: skip
                return
            market = self.markets[change.id] = self._market(change.id)
        market.take(change, at=at, record=number, facts=self.facts)

    def _market(self, market_id: str) -> Market:
        options = self.reading.options
        return Market(
            market_id,
            dict(self._names(market_id)),
            price_span=int(options.get("conflate_ms", _PRICE_SPAN)),
            ladder_span=int(options.get("ladder_ms", _LADDER_SPAN)),
        )

    def _names(self, market_id: str) -> Mapping[int, str]:
        """Return the runners' names from a catalogue in the recording or beside it."""
        if market_id not in self.names and self.reading.companion is not None:
            own = _PACKED.sub("", self.reading.name.rpartition("/")[2])
            for name in dict.fromkeys((f"{market_id}.json", f"{own}.json")):
                payload = self.reading.companion(name)
                if payload is not None:
                    self._keep_names(payload)
        return self.names.get(market_id, {})

    def _keep_names(self, payload: bytes) -> wire.Catalogue | None:
        try:
            told = _CATALOGUES.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None  # it is a record of its own where it is read, and is rejected there
        self.names[told.marketId] = {
            runner.selectionId: runner.runnerName for runner in told.runners if runner.runnerName
        }
        return told

    def _take_catalogue(self, number: int, line: bytes) -> None:
        told = self._keep_names(line)
        try:
            if told is None:
                raise moments.BadMoment("a market's catalogue")
            market = described.of_catalogue(told)
        except moments.BadMoment as wrong:
            self.facts.tell(number, "", str(wrong), is_rejection=True)
            return
        self._market(told.marketId).describe(market, record=number, facts=self.facts)

    def end(self) -> None:
        """Tell what still waits when the recording stops."""
        for market in self.markets.values():
            market.fall_silent(at=self.last_at, facts=self.facts)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Return the lines that hold anything, by their number; a longer one than fits is cut."""
    number = 0
    while line := stream.readline(LINE_AT_MOST):
        number += 1
        while not line.endswith(b"\n") and (rest := stream.readline(LINE_AT_MOST)):
            line = line[:0] + b"{"  # not JSON any more: it is rejected as a whole
            if rest.endswith(b"\n"):
                break
        if line.strip():
            yield number, line
