"""nflverse's table of NFL games since 1999: results, closing lines, referees.

The format, its flaws and what is made of them stand in docs/sources/nflverse.md.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from markets.connectors.base import ParsedBatch, Reading
from markets.connectors.nflverse import parser
from markets.domain.teams import NEW_YORK


class Nflverse:
    """Reads games.csv of nflverse."""

    code = namespace = "nflverse"
    suffixes = (".csv",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one file apart; see ``Connector.parse``."""
        reading = Reading(name=name, fetched_at=fetched_at, time_zone=NEW_YORK)
        return next(parser.batches(BytesIO(payload), reading=reading, size=10**9))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one file apart in portions; see ``ReadingConnector.read``."""
        return parser.batches(stream, reading=reading)

    def order(self, name: str) -> tuple[Any, ...]:
        """Sort by name."""
        return (name,)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an operator's options: it has none."""
        return [f"{name}: no option of this source" for name in options]
