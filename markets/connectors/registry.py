"""The sources that are read, by code.  A simulated source is not read: it is computed."""

from markets.connectors.base import Connector
from markets.connectors.football_data import FootballData

CONNECTORS: dict[str, Connector] = {FootballData.code: FootballData()}
