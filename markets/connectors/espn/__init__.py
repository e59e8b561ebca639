"""ESPN's public JSON: scoreboards, summaries with box scores, injuries.

The format, its flaws and what is made of them stand in docs/sources/espn.md.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from markets.connectors.base import Answer, Asked, Get, ParsedBatch, Reading
from markets.connectors.espn import asking, parser


class Espn:
    """Reads what ESPN's site answers, and asks it."""

    code = namespace = "espn"
    suffixes = (".json",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one answer apart; see ``Connector.parse``."""
        return parser.batch(payload, reading=Reading(name=name, fetched_at=fetched_at))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one answer apart: a day's games or a league's injuries are one portion."""
        yield parser.batch(stream.read(), reading=reading)

    def order(self, name: str) -> tuple[Any, ...]:
        """Read scoreboards first: a cut summary names its game by its id alone."""
        return ("scoreboard" not in name, name)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an operator's options."""
        return asking.wrong_options(options)

    def ask(self, *, asked: Asked, get: Get) -> Iterator[Answer]:
        """Ask for scoreboards, summaries and injuries of the leagues that the options name."""
        return asking.ask(asked=asked, get=get)
