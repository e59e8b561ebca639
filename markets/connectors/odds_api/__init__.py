"""The Odds API, version 4: prices of many books, scores and player markets as JSON.

The format, its flaws and what is made of them stand in docs/sources/odds_api.md.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from markets.connectors import garbage
from markets.connectors.base import RECORDS_AT_MOST, Answer, Asked, Get, ParsedBatch, Quota, Reading
from markets.connectors.odds_api import asking, documents, parser


class OddsApi:
    """Reads what The Odds API answers, and asks it."""

    code = namespace = "odds_api"
    suffixes = (".json",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one answer apart; see ``Connector.parse``."""
        reading = Reading(name=name, fetched_at=fetched_at)
        with garbage.paused():
            return parser.batch(documents.read(payload), first=1, reading=reading)

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one answer apart in portions; see ``ReadingConnector.read``."""
        with garbage.paused():
            document = documents.read(stream.read(), in_portions=True)
        for portion in document.portions(RECORDS_AT_MOST):
            with garbage.paused():
                found = parser.batch(portion.document, first=portion.first, reading=reading)
            yield found

    def order(self, name: str) -> tuple[Any, ...]:
        """Sort by name: a day's answer before the next day's."""
        return (name,)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an operator's options."""
        return asking.wrong_options(options)

    def ask(self, *, asked: Asked, get: Get) -> Iterator[Answer]:
        """Ask for prices, scores and player markets of the sports that the options name."""
        return asking.ask(asked=asked, get=get)

    def quota(self, headers: Mapping[str, str]) -> Quota | None:
        """Return how many requests are left, as the headers tell."""
        return asking.quota(headers)
