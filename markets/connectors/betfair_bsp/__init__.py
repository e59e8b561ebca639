"""Betfair's monthly files of starting prices and results; see docs/sources/betfair_bsp.md."""

from markets.connectors.betfair_bsp.parser import BetfairBsp

__all__ = ["BetfairBsp"]
