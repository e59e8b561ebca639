"""Reads answers of the exchange API, one or several of them in a list, and asks for them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

import msgspec

from markets.connectors import payloads
from markets.connectors.base import Answer, Asked, Get, ParsedBatch, Reading
from markets.connectors.betfair import codes, wire
from markets.connectors.betfair.batches import joined
from markets.connectors.betfair.described import Described, NotRead
from markets.connectors.betfair_api import asking
from markets.connectors.betfair_api.books import Gathering, take_book, take_catalogue
from markets.domain import moments

PAYLOAD_AT_MOST = 64 * 1024 * 1024
#: What is looked up to choose what to ask for, and is loaded nowhere.
_LOOKED_UP = frozenset(
    {"competition", "event", "eventType", "marketType", "countryCode", "venue", "timeRange"}
)


class _Bad(Exception):
    """An answer that holds no markets; says what was expected."""


class BetfairApi:
    """Reads and asks for catalogues and books of the exchange."""

    code = "betfair_api"
    namespace = codes.NAMESPACE
    suffixes = (".json",)

    def __init__(self) -> None:
        self._asker = asking.Asker()

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one answer apart; see ``Connector.parse``."""
        reading = Reading(name=name, fetched_at=fetched_at)
        return joined(list(self.read(BytesIO(payload), reading=reading)))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one answer apart: catalogues first, then the books that they describe."""
        facts = Gathering(
            reading.name,
            reading.fetched_at,
            takes_delayed=bool(reading.options.get("accept_delayed", False)),
        )
        try:
            elements = _elements(stream.read(PAYLOAD_AT_MOST + 1), facts)
        except _Bad as bad:
            facts.tell(None, "", str(bad))
        else:
            _take(elements, facts)
        yield facts.as_batch()

    def order(self, name: str) -> tuple[Any, ...]:
        """Return catalogues first, by their names."""
        return ("catalogue" not in name.lower(), name)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with what is to be asked for."""
        return asking.check_options(options)

    def ask(self, *, asked: Asked, get: Get) -> Iterator[Answer]:
        """Ask for the markets that the options name, and for their books."""
        return self._asker.ask(asked=asked, get=get)


def _elements(payload: bytes, facts: Gathering) -> list[Any]:
    """Return the elements of an answer, or of each answer in a list of them.

    Raises:
        _Bad: it is an error, or nothing that holds markets.
    """
    if len(payload) > PAYLOAD_AT_MOST:
        raise _Bad(f"an answer of up to {PAYLOAD_AT_MOST} bytes")
    try:
        document = payloads.json_document(payload, Any)
    except payloads.BadPayload as wrong:
        raise _Bad(str(wrong)) from wrong
    answers = document if isinstance(document, list) else [document]
    elements: list[Any] = []
    errors = []
    for answer in answers:
        if isinstance(answer, dict) and ("error" in answer or "faultcode" in answer):
            errors.append(f"markets, not the error {asking.error_of(answer)}")
            continue
        result = answer.get("result") if isinstance(answer, dict) and "result" in answer else None
        elements += result if isinstance(result, list) else [answer]
    if errors and not elements:
        raise _Bad(errors[0])
    if not any(isinstance(element, dict) for element in elements) and elements:
        raise _Bad("an answer of listMarketCatalogue or listMarketBook")
    for error in errors:
        facts.tell(None, "", error)
    return elements


def _take(elements: list[Any], facts: Gathering) -> None:
    known: dict[str, Described] = {}
    books: list[tuple[int, wire.MarketBook]] = []
    looked_up = 0
    for element in elements:
        if isinstance(element, dict) and "marketId" not in element and _LOOKED_UP & element.keys():
            looked_up += 1
            continue
        facts.records += 1
        if not isinstance(element, dict) or "marketId" not in element:
            facts.tell(facts.records, "marketId", "a market with its id", is_rejection=True)
        elif "status" in element:
            _keep_book(element, books, facts)
        else:
            _take_catalogue(element, known, facts)
    if looked_up:
        facts.tell(None, "", "markets; lists of events and competitions are not loaded")
    for record, book in books:
        try:
            take_book(book, known.get(book.marketId), record, facts)
        except (NotRead, moments.BadMoment) as unread:
            facts.reject(record, unread)
        except OverflowError:
            facts.tell(record, "runners", "prices and sizes of up to a billion", is_rejection=True)


def _keep_book(
    element: dict[str, Any], books: list[tuple[int, wire.MarketBook]], facts: Gathering
) -> None:
    try:
        books.append((facts.records, msgspec.convert(element, wire.MarketBook)))
    except msgspec.ValidationError as wrong:
        said = payloads.in_words(wrong, what="a market's book")
        facts.tell(facts.records, "", said, is_rejection=True)


def _take_catalogue(element: dict[str, Any], known: dict[str, Described], facts: Gathering) -> None:
    try:
        told = msgspec.convert(element, wire.Catalogue)
        known[told.marketId] = take_catalogue(told, facts.records, facts)
    except msgspec.ValidationError as wrong:
        said = payloads.in_words(wrong, what="a market's catalogue")
        facts.tell(facts.records, "", said, is_rejection=True)
    except (NotRead, moments.BadMoment) as unread:
        facts.reject(facts.records, unread)
