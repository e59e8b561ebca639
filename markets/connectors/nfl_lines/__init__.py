"""Opening and last lines of NFL games as a table, or as that table's history of changes.

The format, its flaws and what is made of them stand in docs/sources/nfl_lines.md.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from markets.connectors.base import ParsedBatch, Reading
from markets.connectors.nfl_lines import parser


class NflLines:
    """Reads lines_<season>.csv and line_changes_<season>.csv."""

    code = namespace = "nfl_lines"
    suffixes = (".csv",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one file apart; see ``Connector.parse``."""
        reading = Reading(name=name, fetched_at=fetched_at)
        return next(parser.batches(BytesIO(payload), reading=reading, size=10**9))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one file apart in portions; see ``ReadingConnector.read``."""
        return parser.batches(stream, reading=reading)

    def order(self, name: str) -> tuple[Any, ...]:
        """Read what changed before what stands at the end: both orders give the same."""
        return ("changes" not in name, name)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an operator's options: it has none."""
        return [f"{name}: no option of this source" for name in options]
