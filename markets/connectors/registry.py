"""The sources that are read, by code.  A simulated source is not read: it is computed.

A connector is imported when it is first asked for: none of them costs anything at the start.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType

from markets.connectors.base import Connector

#: Where each source's connector is: "module:class".
PLACES: Mapping[str, str] = MappingProxyType(
    {
        "football_data": "markets.connectors.football_data:FootballData",
        "tennis_data": "markets.connectors.tennis_data:TennisData",
        "pinnacle": "markets.connectors.pinnacle:Pinnacle",
        "feeds": "markets.connectors.feeds:Feeds",
        "csv": "markets.connectors.csv_import:CsvImport",
        "nflverse": "markets.connectors.nflverse:Nflverse",
        "nfl_lines": "markets.connectors.nfl_lines:NflLines",
        "odds_api": "markets.connectors.odds_api:OddsApi",
        "espn": "markets.connectors.espn:Espn",
        "betfair_bsp": "markets.connectors.betfair_bsp:BetfairBsp",
        "betfair_stream": "markets.connectors.betfair_stream:BetfairStream",
        "betfair_api": "markets.connectors.betfair_api:BetfairApi",
    }
)


class _Connectors(Mapping[str, Connector]):
    """Connectors by their source's code, each made once."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._made: dict[str, Connector] = {}

    def __getitem__(self, code: str) -> Connector:
        if code not in self._made:
            module, _, name = self._places[code].partition(":")
            self._made[code] = getattr(import_module(module), name)()
        return self._made[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


CONNECTORS: Mapping[str, Connector] = _Connectors(PLACES)
