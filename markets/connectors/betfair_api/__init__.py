"""Betfair's exchange API: catalogues and books; see docs/sources/betfair_api.md."""

from markets.connectors.betfair_api.parser import BetfairApi

__all__ = ["BetfairApi"]
